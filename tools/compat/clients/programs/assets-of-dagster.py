"""Materialises two assets of Dagster. Its settings are in dagster.yaml of DAGSTER_HOME."""
import dagster


@dagster.asset
def orders():
    return [1, 2, 3]


@dagster.asset
def total(orders):
    return sum(orders)


with dagster.DagsterInstance.get() as instance:
    assert dagster.materialize([orders, total], instance=instance).success
