//! The lines of a bundle, as written.

use super::remark::Remark;
use crate::host::MachineClass;
use crate::measure::{Block, SoloBlock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the format, in every header.
pub const SCHEMA: &str = "stridewise.bundle";
/// Major and minor version that this program writes; a newer major is refused, a newer minor is read.
pub const SCHEMA_VERSION: [u32; 2] = [1, 0];

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "the large one stands once in a file")]
pub enum Record {
    /// The first line.
    Bundle(Header),
    /// Two cases measured in turn on the same arrays.
    Pair(PairRecord),
    /// One case measured by itself.
    Case(CaseRecord),
    /// A planned case that was not measured, and why.
    Skipped(Skipped),
    /// The last line.
    End(End),
}

/// What is known before the first measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`SCHEMA`].
    pub schema: String,
    /// `[major, minor]`.
    pub schema_version: [u32; 2],
    /// 128 random bits, 32 hexadecimal digits.
    pub bundle_id: String,
    /// Names the run, and its folder: `[A-Za-z0-9._-]{1,64}`.
    pub run_id: String,
    /// UTC, RFC 3339 with seconds.
    pub created: String,
    /// The program that measured.
    pub tool: Tool,
    /// What was to be measured.
    pub plan: Plan,
    /// How.
    pub config: Config,
    /// [`MachineClass::id`](crate::host::MachineClass::id): 16 hexadecimal digits.
    pub class_id: String,
    /// The identity of the machine: every field feeds `class_id`.
    pub machine: MachineClass,
    /// What may change on the same machine; a value that is absent has its reason in `<field>_absent`.
    pub state: serde_json::Value,
    /// Noise checks before the run.
    pub noise: serde_json::Value,
    /// Counter events: available, or why not.
    pub counters: serde_json::Value,
    /// The cache geometry that the simulated figures used.
    pub geometry: serde_json::Value,
}

/// The program that measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `stridewise`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Git commit, 40 hexadecimal digits, if it was built from a checkout.
    pub commit: Option<String>,
    /// Whether the checkout had changes.
    pub dirty: Option<bool>,
    /// Compiler version.
    pub rustc: String,
    /// Target triple.
    pub target: String,
    /// Instruction set that the kernels were dispatched to.
    pub isa: String,
    /// Whether debug assertions were on: such times are not comparable.
    pub debug: bool,
}

/// What was to be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The suite's name, or `custom`.
    pub suite: String,
    /// SHA-256 of `ids`, one per line.
    pub hash: String,
    /// The ids of all lines to come, in order.
    pub ids: Vec<String>,
}

/// How it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// `paired` (`stridewise run`) or `criterion` (`cargo bench`).
    pub engine: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Placements per pair that were aimed at.
    pub placements: u32,
    /// Aim for one placement of one pair, nanoseconds.
    pub placement_ns: u64,
    /// Least duration of a sample, nanoseconds.
    pub sample_ns: u64,
    /// The CPU that the measuring thread was pinned to; absent if pinning failed.
    pub cpu: Option<u32>,
    /// The command line, without paths.
    pub args: Vec<String>,
    /// `file` if the arrays held the values of a user's file; absent for prepared data. Checksums are of prepared data
    /// in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// One member of a pair, or a case by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseInfo {
    /// The canonical encoding of the fields below.
    pub id: String,
    /// The family it belongs to.
    pub family: String,
    /// What is done per element.
    pub kernel: String,
    /// NumPy's short name.
    pub dtype: String,
    /// Bytes of one element.
    pub itemsize: u32,
    /// Length per axis.
    pub shape: Vec<u64>,
    /// `C` or `F`.
    pub order: String,
    /// Axis numbers, outermost first.
    #[serde(rename = "loop")]
    pub loop_order: Vec<u32>,
    /// `walk=line`, `tile=64`, `pages=huge`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Byte strides of the first operand.
    pub strides: Vec<i64>,
    /// Worker threads.
    pub threads: u32,
    /// Bytes of all the buffers together: the working set.
    pub footprint_bytes: u64,
    /// Innermost steps per pass.
    pub steps: u64,
    /// Loads and stores per pass.
    pub accesses: u64,
    /// Bytes that the program reads per pass.
    pub bytes_read: u64,
    /// Bytes that the program writes per pass.
    pub bytes_written: u64,
    /// Result of one pass, 32 hexadecimal digits; equal in both members of a pair.
    pub checksum: String,
}

/// Two cases measured in turn on the same arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairRecord {
    /// The contender's case id; for a null control `null/…`.
    pub id: String,
    /// The member that the other is divided by.
    pub baseline: Arc<CaseInfo>,
    /// The member whose cost is asked for.
    pub contender: Arc<CaseInfo>,
    /// Whether both members are the same: what it shows is noise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub null: bool,
    /// The samples.
    pub blocks: Vec<Block>,
    /// Simulated figures of baseline and contender.
    pub simulated: Option<Figures>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated_absent: Option<String>,
    /// Counted events of baseline and contender.
    pub counted: Option<Figures>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_absent: Option<String>,
}

/// What a simulation or the counters say of both members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Of the baseline.
    pub baseline: serde_json::Value,
    /// Of the contender.
    pub contender: serde_json::Value,
}

/// One case measured by itself: a roof, a floor, a chase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// What was measured.
    pub case: Arc<CaseInfo>,
    /// The samples.
    pub blocks: Vec<SoloBlock>,
    /// Simulated figures.
    pub simulated: Option<serde_json::Value>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated_absent: Option<String>,
    /// Counted events.
    pub counted: Option<serde_json::Value>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_absent: Option<String>,
}

/// A planned case that was not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its id.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Lines before this one, the header not counted.
    pub lines: u64,
    /// Noise checks after the run.
    pub noise: serde_json::Value,
    /// SHA-256 of all bytes before this line, 64 hexadecimal digits.
    pub sha256: String,
}

/// A bundle that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// Its first line.
    pub header: Header,
    /// Pairs in file order.
    pub pairs: Vec<PairRecord>,
    /// Cases by themselves in file order.
    pub cases: Vec<CaseRecord>,
    /// What was planned and not measured.
    pub skipped: Vec<Skipped>,
    /// Its last line; absent if the run was cut off.
    pub end: Option<End>,
    /// Lines with fields of a newer version, or with text that is not what it seems.
    pub remarks: Vec<Remark>,
}
