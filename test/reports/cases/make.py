"""Makes pandas.json: what pandas writes for the stations in it. Run by hand, with pandas and openpyxl installed:

    python3 test/reports/cases/make.py
"""

import io
import json
import pathlib

import openpyxl
import pandas

here = pathlib.Path(__file__).with_name("pandas.json")
case = json.loads(here.read_text())
columns = case["columns"]
frame = pandas.DataFrame([{name: station.get(name, "") for name in columns} for station in case["stations"]])
frame["installDate"] = pandas.to_datetime(frame["installDate"], format="ISO8601", errors="coerce")
book = io.BytesIO()
with pandas.ExcelWriter(book) as writer:
    frame.to_excel(writer, sheet_name="values")
    for name in columns:
        frame[name].value_counts().to_frame(name="count").to_excel(writer, sheet_name=name + "_count")
    frame.pivot_table(
        index="modelInfo", columns=["state"], values="installDate", aggfunc="count"
    ).fillna(0).to_excel(writer, sheet_name="Status Pivot")


def cell(value):
    return value.isoformat() if hasattr(value, "isoformat") else value


case["sheets"] = {
    sheet.title: [[cell(c.value) for c in row] for row in sheet.iter_rows()] for sheet in openpyxl.load_workbook(book)
}
here.write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")
