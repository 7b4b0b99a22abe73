"""Validates events with the model of Data.Rentgen's consumer, as it does: prints "taken" or the name of the error for each line of a file, which has an event in base64."""
import base64
import sys
import warnings

from data_rentgen.consumer.subscribers import OpenLineageRunEventAdapter

warnings.simplefilter("ignore")
with open(sys.argv[1]) as lines:
    for line in lines:
        try:
            OpenLineageRunEventAdapter.validate_json(base64.b64decode(line))
            print("taken")
        except Exception as error:
            print(type(error).__name__)
