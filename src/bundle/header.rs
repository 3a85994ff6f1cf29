//! The first line: who measures what, where and how.

use super::check::{hex, plan_hash};
use super::model::{Config, Header, Plan, SCHEMA, SCHEMA_VERSION, Tool};
use super::text::{LONGEST_TEXT, shown};
use crate::counters::EventStatus;
use crate::host::Host;
use crate::measure::Trial;
use crate::simulate::Geometry;
use crate::suite::Item;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::SystemTime;

/// What a header says besides the host.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The suite's name, or `custom`.
    pub suite: String,
    /// What will be measured, in order.
    pub items: &'a [Item],
    /// How.
    pub config: Config,
    /// Instruction set of the line and stream walks.
    pub isa: String,
    /// Events, and why they do not count.
    pub counters: Vec<EventStatus>,
    /// What is simulated, or why nothing is.
    pub geometry: Result<Geometry, String>,
    /// What the machine did to a fixed piece of work before the run.
    pub trial: Trial,
}

fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or(Value::Null)
}

impl Header {
    /// A header for a run that begins now, with a new random identity.
    #[must_use]
    pub fn new(host: &Host, about: About<'_>) -> Self {
        let class = host.machine_class();
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let mut random = [0; 16];
        // Without a source of random bits two runs of one second and suite share an identity; nothing else suffers.
        if getrandom::fill(&mut random).is_err() {
            random[..8].copy_from_slice(&u64::from(std::process::id()).to_le_bytes());
        }
        let compact: String = now.chars().filter(|c| *c != ':').collect();
        let ids: Vec<String> = about.items.iter().map(Item::id).collect();
        let checks: Vec<_> = host.checks().into_iter().chain(about.trial.checks()).collect();
        let geometry = match &about.geometry {
            Ok(geometry) => value(geometry),
            Err(reason) => json!({ "absent": reason }),
        };
        let mut config = about.config;
        config.args.iter_mut().for_each(|arg| *arg = shown(arg).chars().take(LONGEST_TEXT).collect());
        Self {
            schema: SCHEMA.to_owned(),
            schema_version: SCHEMA_VERSION,
            bundle_id: hex(&random),
            run_id: format!("{compact}-{}-{}", about.suite, hex(&random[..2])),
            created: now,
            tool: Tool::this(about.isa),
            plan: Plan { suite: about.suite, hash: plan_hash(&ids), ids },
            config,
            class_id: class.id(),
            machine: class,
            state: value(&host.machine_state()),
            noise: json!({ "checks": value(&checks), "load": value(&host.system.load), "trial": value(&about.trial) }),
            counters: value(&about.counters),
            geometry,
        }
    }
}

impl Tool {
    /// This program, with the instruction set that its kernels use.
    #[must_use]
    pub fn this(isa: String) -> Self {
        Self {
            name: "stridewise".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("STRIDEWISE_COMMIT").map(str::to_owned),
            dirty: option_env!("STRIDEWISE_DIRTY").map(|dirty| dirty == "true"),
            rustc: option_env!("STRIDEWISE_RUSTC").unwrap_or("unknown").to_owned(),
            target: option_env!("STRIDEWISE_TARGET").unwrap_or("unknown").to_owned(),
            isa,
            debug: cfg!(debug_assertions),
        }
    }
}
