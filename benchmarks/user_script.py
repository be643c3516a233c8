"""
What the importer is measured against: the script a competent user writes in an afternoon.

    python user_script.py study.xlsx BATCH_ID URL TOKEN

pandas reads, requests sends, openpyxl writes the ids back. Nothing is checked, planned or
remembered. `BATCH_ID` may be `Batches`: then each batch's id is read from that sheet.
"""

import sys

import openpyxl
import pandas as pd
import requests


def to_instruction(rows):
    first = rows.iloc[0]
    instruction = {"type": first["type"], "description": first["description"]}
    if pd.notna(first["helper_text"]):
        instruction["helper_text"] = first["helper_text"]
    if first["type"] != "free_text":
        instruction["answer_limit"] = int(first["answer_limit"])
        instruction["options"] = [to_option(row) for _, row in rows.iterrows()]
    if first["disable_dropdown"] == "yes":
        instruction["disable_dropdown"] = True
    return instruction


def to_option(row):
    option = {"label": row["option_label"], "value": str(row["option_value"])}
    if pd.notna(row["option_heading"]):
        option["heading"] = row["option_heading"]
    return option


def put(url, token, batch_id, instructions):
    response = requests.put(
        f"{url}/api/v1/data-collection/batches/{batch_id}/instructions",
        json={"instructions": instructions},
        headers={"Authorization": f"Token {token}"},
        timeout=60,
    )
    response.raise_for_status()
    return [instruction["id"] for instruction in response.json()]


def write_ids(path, ids):
    book = openpyxl.load_workbook(path)
    sheet = book["Instructions"]
    columns = {cell.value: cell.column for cell in sheet[1]}
    for number in range(2, sheet.max_row + 1):
        key = (sheet.cell(number, columns["batch"]).value, sheet.cell(number, columns["ref"]).value)
        sheet.cell(number, columns["instruction_id"]).value = ids[key]
    book.save(path)


def main(path, batch_id, url, token):
    rows = pd.read_excel(path, sheet_name="Instructions")
    batch_ids = {}
    if batch_id == "Batches":
        batches = pd.read_excel(path, sheet_name="Batches")
        batch_ids = dict(zip(batches["batch"], batches["batch_id"], strict=True))
    ids = {}
    for batch, rows_of_batch in rows.groupby("batch", sort=False):
        groups = list(rows_of_batch.groupby("ref", sort=False))
        instructions = [to_instruction(group) for _, group in groups]
        given = put(url, token, batch_ids.get(batch, batch_id), instructions)
        ids |= {(batch, ref): given_id for (ref, _), given_id in zip(groups, given, strict=True)}
    write_ids(path, ids)
    print(f"{len(ids)} instructions sent")


if __name__ == "__main__":
    main(*sys.argv[1:])
