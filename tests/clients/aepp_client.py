"""Drives `backfill emulator` with aepp, the Python client that Adobe's users have.

    python aepp_client.py BACKFILL

Lists flows and runs over many pages, with and without a filter, gets single ones, creates runs,
and compares with what was put there. Ends with 0 when all of it was right.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from pathlib import Path

import aepp
from aepp import flowservice

FLOWS = 23
RUNS = 57


def flow_id(number):
    return str(uuid.UUID(int=(4 << 76) | (2 << 62) | number))


def check(what, found, expected):
    if found != expected:
        sys.exit(f"aepp: {what}: expected {expected!r}, found {found!r}")
    print(f"aepp: {what}: {found if isinstance(found, (int, str)) else len(found)}")


def write_manifests(folder):
    for number in range(FLOWS):
        source = "source: table\ndeltaColumn: { name: updated }" if number == 0 else "source: file"
        (folder / f"flow-{number:02}.yaml").write_text(
            f"version: 1\nflowId: {flow_id(number)}\nname: flow-{number:02}\nsandbox: prod\n{source}\n"
            "runs: [{ windowStartTime: 1767225600, windowEndTime: 1767312000 }]\n"
        )


def client(base):
    aepp.configure(
        org_id="ANY@AdobeOrg", client_id="me", secret="any", scopes="openid", sandbox="prod", retry=0
    )
    aepp.config.endpoints["global"] = base
    aepp.config.config_object["oauthTokenEndpointV2"] = f"{base}/ims/token/v3"
    return flowservice.FlowService()


def drive(base):
    service = client(base)

    expected = sorted(flow_id(number) for number in range(FLOWS))
    flows = service.getFlows(limit=5, n_results="inf")
    check("flows, five a page", sorted(flow["id"] for flow in flows), expected)
    check("flows, as aepp asks by itself", len(service.getFlows()), FLOWS)
    check("source flows", len(service.getFlows(onlySources=True, limit=5, n_results="inf")), FLOWS)
    some = service.getFlows(prop=f"id=={flow_id(1)},{flow_id(2)}")
    check("flows with a filter", sorted(flow["id"] for flow in some), expected[1:3])

    flow = service.getFlow(flow_id(0))
    check("one flow", flow["id"], flow_id(0))
    check("the spec of the flow", service.getFlowSpec(flow["flowSpec"]["id"])["name"], "CRMToAEP")

    created = {}
    for number in range(RUNS):
        of = flow_id(1 + number % 2)
        window = {"startTime": 1767225600, "windowStartTime": number * 60, "windowEndTime": number * 60 + 60}
        answer = service.createRun(flowId=of, params=window)
        created[answer["items"][0]["id"]] = of
    check("runs created", len(created), RUNS)
    table = service.createRun(
        flowId=flow_id(0),
        params={
            "startTime": "1767225600",
            "windowStartTime": "0",
            "windowEndTime": "60",
            "deltaColumn": {"name": "updated"},
        },
    )
    created[table["items"][0]["id"]] = flow_id(0)

    runs = service.getRuns(n_results="inf")
    check("runs, ten a page", {run["id"]: run["flowId"] for run in runs}, created)
    check("no run is listed twice", len(runs), len(created))
    filtered = service.getRuns(limit=7, n_results="inf", prop=f"flowId=={flow_id(1)}")
    check(
        "runs of a flow",
        sorted(run["id"] for run in filtered),
        sorted(run for run, of in created.items() if of == flow_id(1)),
    )
    both = [f"flowId=={flow_id(1)}", "createdAt>=1000000000000"]
    check("runs with two filters", len(service.getRuns(n_results="inf", prop=both)), len(filtered))
    one = next(iter(created))
    check("one run", service.getRun(one)[0]["id"], one)

    with urllib.request.urlopen(f"{base}/_emulator/ledger") as answer:
        ledger = json.load(answer)
    check("runs that the emulator has stored", len(ledger["stored"]), len(created))


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        manifests = folder / "manifests"
        manifests.mkdir()
        write_manifests(manifests)
        emulator = subprocess.Popen(
            [sys.argv[1], "emulator", "--listen", "127.0.0.1:0"], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        try:
            for line in emulator.stdout:
                found = [word for word in line.split() if word.startswith("http://")]
                if line.startswith("Serving") and found:
                    drive(found[0])
                    return
            sys.exit("aepp: the emulator did not start")
        finally:
            emulator.kill()
            emulator.wait()


if __name__ == "__main__":
    main()
