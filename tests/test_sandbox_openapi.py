"""
The sandbox against the API documents: whatever schemathesis thinks of, the answer is documented.

`openapi.yaml` beside this file is the part of the project's API document that the sandbox serves;
`python -m tests.test_sandbox_openapi FULL_DOCUMENT` writes it anew. `openapi_studies.yaml` is what
that document does not have.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from importer.sandbox import Sandbox, Switches
from importer.sandbox.demand import FaultQueue
from importer.sandbox.ledger import Ledger
from importer.sandbox.routes import Operations
from importer.sandbox.store import Store

OWN_DOCUMENT = Path(__file__).with_name("openapi.yaml")
STUDIES_DOCUMENT = Path(__file__).with_name("openapi_studies.yaml")
FULL_DOCUMENT = Path(__file__).parents[2] / "shared" / "api" / "openapi.yaml"
BATCHES = "/api/v1/data-collection/batches"
DATASETS = "/api/v1/data-collection/datasets"
SERVED = {
    BATCHES: ("get", "post"),
    f"{BATCHES}/{{batch_id}}": ("get", "patch"),
    f"{BATCHES}/{{batch_id}}/status": ("get",),
    f"{BATCHES}/{{batch_id}}/setup": ("post",),
    f"{BATCHES}/{{batch_id}}/instructions": ("get", "post", "put"),
    DATASETS: ("post",),
    f"{DATASETS}/{{dataset_id}}": ("get",),
    f"{DATASETS}/{{dataset_id}}/status": ("get",),
    f"{DATASETS}/{{dataset_id}}/upload-url/{{filename}}": ("get",),
}
#: Addresses that are no operation of Prolific's.
ELSEWHERE = ("/_sandbox/", "/uploads/")
SEED_OPERATIONS = {"update-task-builder-batch", "update-task-builder-instructions"}
BATCH_ID = "019a0f6e-1c1d-7cc2-8a67-2f6b1f0d8a11"
# A kept id needs an instruction that the batch has; schemathesis cannot guess one.
KEPT_ID = "0192041c-470f-7336-8e3d-e03fc086a4e1"
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
)

batches = schemathesis.openapi.from_path(OWN_DOCUMENT)
studies = schemathesis.openapi.from_path(STUDIES_DOCUMENT)
bounded = settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as served:
        yield served


@batches.parametrize()
@bounded
def test_answers_about_batches_are_documented(sandbox: Sandbox, case: schemathesis.Case) -> None:
    """Status, content type, headers and body of every answer are as the document declares."""
    sandbox.clear()
    sandbox.switches.deprecation = True
    dataset_id = sandbox.add_dataset()
    sandbox.add_batch(
        batch_id=BATCH_ID,
        dataset_id=dataset_id,
        instructions=[{"id": KEPT_ID, "type": "free_text", "description": "Why?"}],
    )
    case.path_parameters.update(
        {
            name: value
            for name, value in (("batch_id", BATCH_ID), ("dataset_id", dataset_id))
            if f"{{{name}}}" in case.operation.path
        }
    )
    if "filename" in case.path_parameters:
        case.path_parameters["filename"] = f"{case.path_parameters['filename']}.csv"
    answers_as_documented(sandbox, case)


@studies.parametrize()
@bounded
def test_answers_about_studies_are_documented(sandbox: Sandbox, case: schemathesis.Case) -> None:
    """Also of a study that exists, for a batch that is ready."""
    sandbox.clear()
    batch_id = sandbox.add_batch(status="READY")
    study_id = sandbox.add_study(batch_id)
    if "study_id" in case.path_parameters:
        case.path_parameters["study_id"] = study_id
    if isinstance(case.body, dict) and isinstance(case.body.get("data_collection_id"), str):
        case.body["data_collection_id"] = batch_id
    answers_as_documented(sandbox, case)


def answers_as_documented(sandbox: Sandbox, case: schemathesis.Case) -> None:
    case.headers["Authorization"] = f"Token {sandbox.token}"
    response = case.call(base_url=sandbox.url)
    if response.request.headers.get("Authorization") != case.headers["Authorization"]:
        # schemathesis also tries without the header; 401 is documented in prose only.
        assert response.status_code == 401
        return
    # The document says of a setup that it answers JSON, and that the body is empty.
    is_empty = response.status_code == 202 and not response.content
    case.validate_response(response, checks=CHECKS[:2] if is_empty else CHECKS)


def test_every_operation_is_documented() -> None:
    """What the sandbox serves stands in one of the two documents, and nothing else does."""
    operations = Operations(Store(Switches(), time.time), Ledger(), FaultQueue())
    served = {
        (method.lower(), re.sub(r"{\w+}", "{}", route.path))
        for route in operations.routes
        if not route.path.startswith(ELSEWHERE)
        for method in (route.methods or set()) - {"HEAD"}
    }

    documents = [yaml.safe_load(path.read_text()) for path in (OWN_DOCUMENT, STUDIES_DOCUMENT)]
    documented = {
        (method, re.sub(r"{\w+}", "{}", path.rstrip("/")))
        for document in documents
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert served == documented


def test_document_is_the_served_part() -> None:
    """The document beside this file is the served part of the project's whole one, unchanged."""
    if not FULL_DOCUMENT.exists():
        pytest.skip("the whole API document is not part of the project")

    assert served_part(yaml.safe_load(FULL_DOCUMENT.read_text())) == yaml.safe_load(OWN_DOCUMENT.read_text())


def test_document_has_the_seed_operations() -> None:
    """Both operations that the project began with are checked."""
    document = yaml.safe_load(OWN_DOCUMENT.read_text())
    served = {document["paths"][path][method]["operationId"] for path in SERVED for method in SERVED[path]}

    assert served >= SEED_OPERATIONS


def served_part(document: dict[str, Any]) -> dict[str, Any]:
    """Return the served operations of a document with the components that they refer to."""
    part = {name: document[name] for name in ("openapi", "info")}
    part["paths"] = {
        path: {method: document["paths"][path][method] for method in methods}
        for path, methods in SERVED.items()
    }
    wanted, components = list(references(part)), {}
    while wanted:
        kind, name = wanted.pop()
        if name not in components.setdefault(kind, {}):
            components[kind][name] = document["components"][kind][name]
            wanted += references(components[kind][name])
    components["securitySchemes"] = document["components"]["securitySchemes"]
    return part | {"components": components}


def references(node: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of each component that a part of a document refers to."""
    if isinstance(node, dict):
        if "$ref" in node:
            kind, name = node["$ref"].removeprefix("#/components/").split("/")
            yield kind, name
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


if __name__ == "__main__":
    whole = yaml.safe_load(Path(sys.argv[1]).read_text())
    served = yaml.safe_dump(served_part(whole), sort_keys=False, allow_unicode=True, width=110)
    OWN_DOCUMENT.write_text(f"# Written by `python -m tests.test_sandbox_openapi FULL_DOCUMENT`.\n{served}")
