//! `stridewise host`, as people and programs see it.

mod support;

use assert_cmd::Command;
use serde_json::Value;
use support::schema::violations;

fn stridewise() -> Command {
    Command::cargo_bin("stridewise").unwrap()
}

fn json() -> Value {
    let output = stridewise().args(["host", "--format", "json"]).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(include_str!("../schema/host-1.json")).unwrap()
}

#[test]
fn json_keeps_its_schema() {
    assert_eq!(violations(&schema(), &json()), Vec::<String>::new());
}

#[test]
fn the_schema_refuses_what_the_contract_does_not_allow() {
    let good = json();
    let broken: [(&str, Value); 6] = [
        ("/schema", "other".into()),
        ("/class_id", "xyz".into()),
        ("/machine_class/arch", Value::Null),
        ("/host/memory/total", serde_json::json!({"value": -1, "source": "procfs"})),
        ("/host/memory/total", serde_json::json!({"absent": "no idea"})),
        ("/counters/0/raw", "17".into()),
    ];
    for (pointer, value) in broken {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!violations(&schema(), &bad).is_empty(), "{pointer}");
    }
}

#[test]
fn the_table_fits_its_terminal_and_has_a_line_per_event() {
    let events = json()["counters"].as_array().unwrap().clone();
    for columns in [60_usize, 80, 120] {
        let output =
            stridewise().arg("host").env("COLUMNS", columns.to_string()).assert().success().get_output().clone();
        let text = String::from_utf8(output.stdout).unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
        if columns >= 80 {
            for event in &events {
                let name = event["event"].as_str().unwrap();
                assert!(text.lines().any(|line| line.trim_start().starts_with(&format!("{name} "))), "{name}");
            }
        }
    }
}

#[test]
fn an_unknown_format_is_a_usage_error() {
    stridewise().args(["host", "--format", "yaml"]).assert().code(2);
}
