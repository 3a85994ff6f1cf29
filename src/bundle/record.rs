//! From what was measured to the lines of a bundle.

use super::model::{CaseInfo, CaseRecord, Figures, PairRecord, Record, Skipped};
use crate::measure::{Measured, Members, Shot};
use crate::suite::{Case, Walked};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

impl Record {
    /// The line for a finished item.
    #[must_use]
    pub fn of(measured: Measured) -> Self {
        let Measured { id, members } = measured;
        match members {
            Err(reason) => Self::Skipped(Skipped { id, reason }),
            Ok(Members::Pair { baseline, contender, null, blocks }) => {
                let (simulated, simulated_absent) = figures(&baseline.simulated, &contender.simulated);
                let (counted, counted_absent) = figures(&baseline.counted, &contender.counted);
                let (baseline, contender) =
                    (Arc::new(CaseInfo::of_shot(&baseline)), Arc::new(CaseInfo::of_shot(&contender)));
                let record = PairRecord {
                    id,
                    baseline,
                    contender,
                    null,
                    blocks,
                    simulated,
                    simulated_absent,
                    counted,
                    counted_absent,
                };
                Self::Pair(record)
            }
            Ok(Members::Solo { shot, blocks }) => {
                let (simulated, simulated_absent) = figure(&shot.simulated);
                let (counted, counted_absent) = figure(&shot.counted);
                let case = Arc::new(CaseInfo::of_shot(&shot));
                Self::Case(CaseRecord { case, blocks, simulated, simulated_absent, counted, counted_absent })
            }
        }
    }

    /// The id of the plan that this line answers; `None` for the first and the last line.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Pair(pair) => Some(&pair.id),
            Self::Case(case) => Some(&case.case.id),
            Self::Skipped(skipped) => Some(&skipped.id),
            Self::Bundle(_) | Self::End(_) => None,
        }
    }
}

fn figure<T: Serialize>(found: &Result<T, String>) -> (Option<Value>, Option<String>) {
    match found {
        Ok(found) => (serde_json::to_value(found).ok(), None),
        Err(reason) => (None, Some(reason.clone())),
    }
}

fn figures<T: Serialize>(
    baseline: &Result<T, String>,
    contender: &Result<T, String>,
) -> (Option<Figures>, Option<String>) {
    let ((one, why_one), (other, why_other)) = (figure(baseline), figure(contender));
    let both = one.zip(other).map(|(baseline, contender)| Figures { baseline, contender });
    (both, why_one.or(why_other))
}

impl CaseInfo {
    fn of_shot(shot: &Shot) -> Self {
        Self::of(&shot.case, &shot.walked, shot.checksum.to_string())
    }

    /// Whether its arrays are in base pages.
    #[must_use]
    pub fn is_in_base_pages(&self) -> bool {
        self.options.get("pages").is_none_or(|pages| pages == "base")
    }

    /// Everything that follows from the case; only the result of its walk is given.
    #[must_use]
    pub fn of(case: &Case, walked: &Walked, checksum: String) -> Self {
        let (bytes_read, bytes_written) = walked.bytes_read_written();
        Self {
            id: case.to_string(),
            family: case.family.clone(),
            kernel: case.kernel.name().to_owned(),
            dtype: case.dtype.name().to_owned(),
            itemsize: u32::try_from(case.dtype.itemsize()).unwrap_or(u32::MAX),
            shape: case.shape.iter().map(|&n| n as u64).collect(),
            order: case.order.to_string(),
            loop_order: case.loops.axes().iter().map(|&axis| u32::try_from(axis).unwrap_or(u32::MAX)).collect(),
            options: case.options.given(),
            strides: case.strides().unwrap_or_default(),
            threads: case.options.threads,
            footprint_bytes: case.footprint().unwrap_or(u64::MAX),
            steps: walked.steps().saturating_mul(case.elements_per_step()),
            accesses: walked.accesses(),
            bytes_read,
            bytes_written,
            checksum,
        }
    }

    /// The case that the id names.
    ///
    /// # Errors
    /// An id that is not canonical.
    pub fn case(&self) -> Result<Case, String> {
        self.id.parse()
    }
}
