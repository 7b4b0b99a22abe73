"""A small job of Spark: reads a file, and writes a table of Parquet. Its settings are given to spark-submit."""
import pathlib

from pyspark.sql import SparkSession

folder = pathlib.Path.cwd()
(folder / "orders.csv").write_text("id,amount\n1,10\n2,20\n")
session = SparkSession.builder.appName("compat").getOrCreate()
orders = session.read.option("header", True).csv(str(folder / "orders.csv"))
orders.groupBy("id").count().write.parquet(str(folder / "counts"))
session.stop()
