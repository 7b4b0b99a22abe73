"""Sends 17 events with openlineage-python. Its settings are in openlineage.yml of the working folder."""
import datetime
import uuid

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import DatasetEvent, Job, JobEvent, Run, RunEvent, RunState, StaticDataset

PRODUCER = "https://example.org/compat/zürich"
client = OpenLineageClient()


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


for number in range(5):
    run = Run(runId=str(uuid.uuid4()))
    for state in (RunState.START, RunState.RUNNING, RunState.COMPLETE):
        job = Job(namespace="compat", name=f"job-{number}")
        client.emit(RunEvent(eventType=state, eventTime=now(), run=run, job=job, producer=PRODUCER))
client.emit(JobEvent(eventTime=now(), job=Job(namespace="compat", name="only-a-job"), producer=PRODUCER))
dataset = StaticDataset(namespace="compat", name="only-a-dataset")
client.emit(DatasetEvent(eventTime=now(), dataset=dataset, producer=PRODUCER))
client.close()
