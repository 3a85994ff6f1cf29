//! Pictures from bundles: every chart is a file here and one line in [`CHARTS`].

mod canvas;
mod data;
mod penalty_curve;
mod plot;
mod shape_heatmap;
mod staircase;

use crate::bundle::Bundle;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A kind of picture.
#[derive(Clone, Copy)]
pub struct Chart {
    /// Its name, and that of its file.
    pub name: &'static str,
    /// What it shows, in one line.
    pub shows: &'static str,
    draw: fn(&[Bundle]) -> Result<String, String>,
}

impl fmt::Debug for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every chart.
pub const CHARTS: &[Chart] = &[
    Chart {
        name: "penalty-curve",
        shows: "column time / row time over the size of the array",
        draw: penalty_curve::draw,
    },
    Chart { name: "staircase", shows: "nanoseconds per element by rows and by columns", draw: staircase::draw },
    Chart { name: "shape-heatmap", shows: "column time / row time over rows and columns", draw: shape_heatmap::draw },
];

impl Chart {
    /// The picture as SVG.
    ///
    /// # Errors
    /// Why the bundles have no data for it.
    pub fn svg(&self, bundles: &[Bundle]) -> Result<String, String> {
        (self.draw)(bundles)
    }
}

/// The chart of that name.
///
/// # Errors
/// A message that lists the names there are.
pub fn find(name: &str) -> Result<&'static Chart, String> {
    CHARTS.iter().find(|chart| chart.name == name).ok_or_else(|| {
        let names: Vec<&str> = CHARTS.iter().map(|chart| chart.name).collect();
        format!("unknown chart {name:?}: expected one of {}", names.join(" "))
    })
}

/// Draws every chart that the bundles have data for into `folder`, and returns what was written.
///
/// # Errors
/// If the folder or a file cannot be written.
pub fn write_all(bundles: &[Bundle], folder: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    let mut written = Vec::new();
    for chart in CHARTS {
        let Ok(picture) = chart.svg(bundles) else { continue };
        let path = folder.join(format!("{}.svg", chart.name));
        std::fs::write(&path, picture)?;
        written.push(path);
    }
    Ok(written)
}
