//! Which program runs a case: the one place where a kernel of another kind than a nest's is added.

use crate::host::pinned_pool;
use crate::kernel::{Cycle, Idiomatic, Isa, Program, Runner, Team};
use crate::suite::{Case, Walked};
use rayon::ThreadPool;
use std::sync::Arc;

/// What runs `case`, or why nothing does.
pub(super) fn runner(case: &Case, walked: &Walked, isa: Isa, cpus: &[u32]) -> Result<Box<dyn Runner>, String> {
    let options = &case.options;
    let nest = match walked {
        Walked::Nest(nest) => nest,
        Walked::Chase(chase) => {
            return Ok(Box::new(Cycle::new(*chase, options.chains).map_err(|error| error.to_string())?));
        }
    };
    let pool = pool(options.threads, cpus)?;
    if let Some(idiom) = options.idiom {
        // A parallel idiom on one thread has a pool of one.
        let pool = match pool {
            None if idiom.is_parallel() => Some(workers(cpus.get(..1).unwrap_or_default())?),
            pool => pool,
        };
        let idiomatic = Idiomatic::new(idiom, case.kernel, case.dtype, nest, pool);
        return Ok(Box::new(idiomatic.map_err(|error| error.to_string())?));
    }
    let program = Program::new(case.kernel, case.dtype, options.walk, options.stores, isa, nest)
        .map_err(|error| error.to_string())?;
    let Some(pool) = pool else { return Ok(Box::new(program)) };
    let team = Team::divided(&program, pool, options.split).map_err(|error| error.to_string())?;
    Ok(Box::new(team))
}

/// Pinned workers, if there is to be more than one thread.
fn pool(threads: u32, cpus: &[u32]) -> Result<Option<Arc<ThreadPool>>, String> {
    if threads <= 1 {
        return Ok(None);
    }
    let few = || format!("threads={threads}: this process may use {} CPUs", cpus.len());
    let wanted = usize::try_from(threads).ok().and_then(|threads| cpus.get(..threads)).ok_or_else(few)?;
    workers(wanted).map(Some)
}

fn workers(cpus: &[u32]) -> Result<Arc<ThreadPool>, String> {
    pinned_pool(cpus).map(Arc::new).map_err(|error| error.to_string())
}
