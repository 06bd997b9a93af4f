#!/usr/bin/env python3
"""Writes the manifests and the state that the benchmark runs on.

inputs.py FOLDER WINDOWS [--flows N] [--unknown N]

FOLDER gets a `backfill.yaml`, `manifests/` that ask for WINDOWS windows of an hour, in as many flows
as are wanted, and in `.backfill/` a state that knows all of them as created, but for the last
`--unknown`. The state is written by its documented format and not by the program, so that the
program's reader is measured against an independent writer.
"""

import argparse
import hashlib
import json
import pathlib
import uuid

HOUR = 3600
BEGIN = 1_420_070_400  # 2015-01-01
ORGANIZATION = "5C1328435BF324E90A49402A@AdobeOrg"
LINEAGE = "0b5f3a53-0b6f-4c8e-9a41-5d5c2f1e7a10"


def line(fields: dict) -> bytes:
    """One stored line: the object, and at its end its checksum."""
    body = json.dumps(fields, separators=(",", ":"))[:-1].encode()
    return body + b',"sum":"' + hashlib.sha256(body).hexdigest()[:16].encode() + b'"}\n'


def record(flow: str, start: int, number: int, ended: bool) -> bytes:
    end = start + HOUR
    text = (
        f"aep-backfill/v1\nsandbox=prod\nflowId={flow}\nwindowStartTime={start}\n"
        f"windowEndTime={end}\nrerun=1\n"
    )
    return line(
        {
            "key": hashlib.sha256(text.encode()).hexdigest(),
            "sandbox": "prod",
            "flowId": flow,
            "windowStartTime": start,
            "windowEndTime": end,
            "rerun": 1,
            "fate": "created",
            "runId": str(uuid.UUID(bytes=hashlib.sha256(b"run %d" % number).digest()[:16])),
            "at": f"2026-11-0{1 + number % 9}T10:00:00.{number % 1_000_000_000:09}Z",
            **(end_of(number) if ended else {}),
        }
    )


def end_of(number: int) -> dict:
    """What is kept of a run that was followed to its end."""
    return {
        "sentAt": 1_793_527_200 + number % 1_000,
        "etag": f'"{number:08x}-0000-0200-0000-5f2b09f10000"',
        "lastSeen": {
            "status": "success",
            "records": {"input": 100, "output": 100, "failed": 0},
            "bytes": {"input": 24_012, "output": 17_128},
            "startedAt": "2026-11-01T10:00:01Z",
            "updatedAt": "2026-11-01T10:00:03Z",
            "endedAt": "2026-11-01T10:00:03Z",
            "at": f"2026-11-01T10:10:00.{number % 1_000_000_000:09}Z",
        },
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("windows", type=int)
    arguments.add_argument("--flows", type=int, default=100)
    arguments.add_argument("--unknown", type=int, default=0)
    arguments.add_argument("--ended", action="store_true", help="how each run ended is known")
    given = arguments.parse_args()

    manifests, state = given.folder / "manifests", given.folder / ".backfill"
    manifests.mkdir(parents=True, exist_ok=True)
    state.mkdir(exist_ok=True)
    (given.folder / "backfill.yaml").write_text(
        f"version: 1\norganization: {ORGANIZATION}\nsandbox: prod\n"
        "limits: { rate: unlimited, concurrency: 64, newRunsPerApply: 1000000 }\n"
    )
    each = given.windows // given.flows
    digest, number = hashlib.sha256(), 0
    with open(state / "body", "wb") as body:
        for index in range(given.flows):
            flow = str(uuid.UUID(int=(0xF10 << 96) + index))
            (manifests / f"flow-{index:04}.yaml").write_text(
                f"version: 1\nflowId: {flow}\nsource: file\n"
                f"ranges: [{{ from: {BEGIN}, to: {BEGIN + each * HOUR}, every: 1 hour }}]\n"
            )
            for start in range(BEGIN, BEGIN + each * HOUR, HOUR):
                number += 1
                if number > each * given.flows - given.unknown:
                    break
                written = record(flow, start, number, given.ended)
                digest.update(written)
                body.write(written)
    header = {
        "format": "aep-backfill-state/v3",
        "organization": ORGANIZATION,
        "lineage": LINEAGE,
        "serial": 1,
        "folded": 0,
        "sha256": digest.hexdigest(),
    }
    with open(state / "state.jsonl", "wb") as whole, open(state / "body", "rb") as body:
        whole.write(line(header))
        while piece := body.read(1 << 20):
            whole.write(piece)
    (state / "body").unlink()
    journal = {"format": "aep-backfill-journal/v3", "lineage": LINEAGE, "after": 0}
    (state / "journal.jsonl").write_bytes(line(journal))


if __name__ == "__main__":
    main()
