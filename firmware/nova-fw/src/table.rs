// SPDX-License-Identifier: GPL-2.0

//! How reports are printed.

use comfy_table::{presets, Table};
use serde_json::{Map, Value};

use crate::report::Report;

/// Numbers from this one on are shown in both notations.
const HEX_FROM: u64 = 10;

/// The report as one JSON object.
pub(crate) fn json(report: &Report) -> String {
    format!("{}\n", value(report))
}

/// The report as a table of its fields, and one for each list in it.
pub(crate) fn text(report: &Report) -> String {
    let mut text = String::new();
    if let Value::Object(fields) = value(report) {
        let mut plain = new_table();
        let mut lists = String::new();
        for (name, value) in &fields {
            add(&mut plain, &mut lists, name, value);
        }
        // The table pads its cells to the same width, to the right of the last column too.
        for line in format!("{plain}\n{lists}\n").lines() {
            text += line.trim_end();
            text.push('\n');
        }
    }
    text
}

fn value(report: &Report) -> Value {
    // Reports are made of texts, numbers and lists; none of them can fail to become a value.
    serde_json::to_value(report).unwrap_or_default()
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table
}

/// Adds a field to the table, or to the lists where it is one.
fn add(plain: &mut Table, lists: &mut String, name: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                add(plain, lists, &format!("{name}.{field}"), value);
            }
        }
        Value::Array(rows) if !rows.is_empty() => {
            *lists += &format!("\n{name}\n{}\n", list(rows));
        }
        Value::Array(_) | Value::Null => {}
        value => drop(plain.add_row([name.to_owned(), cell(value)])),
    }
}

/// A table of `rows`, whose columns are the fields of any of them.
fn list(rows: &[Value]) -> Table {
    let rows: Vec<Map<String, Value>> = rows.iter().map(flat).collect();
    let mut names: Vec<&str> = Vec::new();
    for name in rows.iter().flat_map(Map::keys) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut table = new_table();
    table.set_header(&names);
    for row in &rows {
        table.add_row(
            names
                .iter()
                .map(|name| row.get(*name).map(cell).unwrap_or_default()),
        );
    }
    table
}

/// The fields of `row`, those of objects in it among them.
fn flat(row: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Value::Object(row) = row {
        for (name, value) in row {
            match value {
                Value::Object(inner) => {
                    let named = |(field, value): (&String, &Value)| {
                        (format!("{name}.{field}"), value.clone())
                    };
                    fields.extend(inner.iter().map(named));
                }
                Value::Null => {}
                _ => drop(fields.insert(name.clone(), value.clone())),
            }
        }
    }
    fields
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_u64() {
            Some(number) if number >= HEX_FROM => format!("{number} ({number:#x})"),
            _ => number.to_string(),
        },
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
