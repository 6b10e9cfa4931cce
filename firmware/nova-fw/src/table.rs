// SPDX-License-Identifier: GPL-2.0

//! Formatting of reports.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::report::Report;

/// Numbers from this one on are shown in decimal and in hexadecimal.
const HEX_FROM: u64 = 10;

/// Spaces between two columns.
const GAP: usize = 2;

/// The report as one JSON object.
pub(crate) fn json(report: &Report) -> String {
    format!("{}\n", value(report))
}

/// The report as a table of its fields, and one for each list in it.
pub(crate) fn text(report: &Report) -> String {
    let mut fields = Vec::new();
    let mut lists = String::new();
    add(&mut fields, &mut lists, String::new(), &value(report));
    aligned(&fields) + &lists + "\n"
}

fn value(report: &Report) -> Value {
    // Reports consist of strings, numbers and lists, which always serialize.
    serde_json::to_value(report).unwrap_or_default()
}

/// Adds a value called `name` to the fields, or to the lists if it is one.
fn add(fields: &mut Vec<Vec<String>>, lists: &mut String, name: String, value: &Value) {
    match value {
        Value::Object(inner) => {
            for (field, value) in inner {
                add(fields, lists, dotted(&name, field), value);
            }
        }
        Value::Array(rows) if !rows.is_empty() => {
            *lists += &format!("\n{name}\n{}", list(rows));
        }
        Value::Array(_) | Value::Null => {}
        value => fields.push(vec![name, cell(value)]),
    }
}

/// A table of `rows`, whose columns are the fields of any of them.
fn list(rows: &[Value]) -> String {
    let rows: Vec<Map<String, Value>> = rows.iter().map(flat).collect();
    let mut names: Vec<String> = Vec::new();
    for name in rows.iter().flat_map(Map::keys) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let cells = rows.iter().map(|row| {
        let cells = names
            .iter()
            .map(|name| row.get(name).map(cell).unwrap_or_default());
        cells.collect()
    });
    let cells: Vec<_> = cells.collect();
    aligned(&[vec![names], cells].concat())
}

/// The fields of `row`, with those of nested objects flattened.
fn flat(row: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in row.as_object().into_iter().flatten() {
        match value {
            Value::Object(inner) => {
                let named =
                    |(field, value): (&String, &Value)| (dotted(name, field), value.clone());
                fields.extend(inner.iter().map(named));
            }
            Value::Null => {}
            _ => drop(fields.insert(name.clone(), value.clone())),
        }
    }
    fields
}

fn dotted(name: &str, field: &str) -> String {
    match name {
        "" => field.to_owned(),
        _ => format!("{name}.{field}"),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_u64() {
            Some(number) if number >= HEX_FROM => format!("{number} ({number:#x})"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// Lines of cells, every column as wide as its widest cell.
fn aligned(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}", width = width + GAP);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
