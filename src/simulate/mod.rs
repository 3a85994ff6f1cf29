//! TEMP
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    pub levels: Vec<u32>,
}
impl Geometry {
    pub fn of_host(_: &crate::host::Host) -> Result<Self, String> {
        Ok(Self { levels: vec![] })
    }
}
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub most_accesses: Option<u64>,
    pub x: bool,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub engine: String,
}
pub fn simulate(_: &crate::nest::LoopNest, _: &[u64], _: &Geometry, _: &Options) -> Result<Report, String> {
    Err("temp".into())
}
