//! Which program runs a case: the one place where a kernel of another kind than a nest's is added.

use crate::host::pinned_pool;
use crate::kernel::{Isa, Program, Runner, Team};
use crate::suite::{Case, Walked};
use std::sync::Arc;

/// What runs `case`, or why nothing does.
pub(super) fn runner(case: &Case, walked: &Walked, isa: Isa, cpus: &[u32]) -> Result<Box<dyn Runner>, String> {
    let options = &case.options;
    let nest = match walked {
        Walked::Nest(nest) => nest,
        Walked::Chase(_) => return Err(format!("{} walks no nest of loops", case.kernel)),
    };
    let program = Program::new(case.kernel, case.dtype, options.walk, options.stores, isa, nest)
        .map_err(|error| error.to_string())?;
    if options.threads <= 1 {
        return Ok(Box::new(program));
    }
    let workers = usize::try_from(options.threads).unwrap_or(usize::MAX);
    let cpus =
        cpus.get(..workers).ok_or_else(|| format!("threads={workers}: this process may use {} CPUs", cpus.len()))?;
    let pool = pinned_pool(cpus).map_err(|error| error.to_string())?;
    let team = Team::new(&program, Arc::new(pool)).map_err(|error| error.to_string())?;
    Ok(Box::new(team))
}
