"""Reads events with the functions of OpenMetadata's connector, as its loop over messages does: prints "taken" or why not for each line of a file, which has an event in base64.

The class of the connector needs all of OpenMetadata's dependencies. Its filter of event types needs none, so it is taken out of its module alone."""
import ast
import base64
import importlib.util
import json
import pathlib
import sys
import types
from typing import List, Optional

folder = pathlib.Path(sys.argv[2])


def load(name, file):
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


package = "metadata.ingestion.source.pipeline.openlineage"
for parent in ("metadata", "metadata.ingestion", "metadata.ingestion.source", "metadata.ingestion.source.pipeline", package):
    sys.modules[parent] = types.ModuleType(parent)
models = load(f"{package}.models", folder / "models.py")
utils = load(f"{package}.utils", folder / "utils.py")

tree = ast.parse((folder / "metadata.py").read_text())
(function,) = [node for node in ast.walk(tree) if getattr(node, "name", "") == "_filter_event_by_types"]
function.decorator_list = []
names = {"List": List, "Optional": Optional, "EventType": models.EventType, "OpenLineageEvent": models.OpenLineageEvent}
exec(compile(ast.Module([function], []), "metadata.py", "exec"), names)
types_taken = [models.EventType.COMPLETE, models.EventType.RUNNING, models.EventType.START]

with open(sys.argv[1]) as lines:
    for line in lines:
        try:
            event = utils.message_to_open_lineage_event(json.loads(base64.b64decode(line)))
            print("taken" if names["_filter_event_by_types"](None, event, types_taken) else "filtered")
        except Exception as error:
            print(type(error).__name__)
