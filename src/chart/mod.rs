//! Pictures from bundles: every chart is a file here and one line in [`CHARTS`].

mod caches;
mod canvas;
mod conflict_spikes;
mod data;
mod fleet;
mod forest;
mod grid;
mod ink;
mod locality_map;
mod loop_orders;
mod penalty_curve;
mod picture;
mod plot;
mod rows;
mod sets;
mod shape_heatmap;
mod simulated_counted;
mod staircase;
mod stride_curve;
mod surface;
mod text;
mod threads;
mod tile_sweep;
mod ways;
mod where_served;

use crate::bundle::Bundle;
pub use data::names;
pub use ink::{Theme, variables};
pub use picture::{Cell, Data, Picture, WIDEST_PNG};
pub use sets::{SetLoad, set_pressure};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// How a chart takes bundles.
#[derive(Clone, Copy)]
enum Draw {
    /// One picture of all.
    Many(fn(&[Bundle]) -> Result<Picture, String>),
    /// A picture of each.
    Each(fn(&Bundle) -> Result<Picture, String>),
    /// A picture of each on a scale of colour that all share: its ends for one bundle, and the picture.
    Scaled(fn(&Bundle) -> Option<[f64; 2]>, fn(&Bundle, [f64; 2]) -> Result<Picture, String>),
}

/// A kind of picture.
#[derive(Clone, Copy)]
pub struct Chart {
    /// Its name, and that of its file.
    pub name: &'static str,
    /// What it shows, in one line.
    pub shows: &'static str,
    draw: Draw,
}

impl fmt::Debug for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn chart(name: &'static str, shows: &'static str, draw: Draw) -> Chart {
    Chart { name, shows, draw }
}

/// Every chart.
#[rustfmt::skip]
pub const CHARTS: &[Chart] = &[
    chart("penalty-curve", "column time / row time over the size of the array", Draw::Many(penalty_curve::draw)),
    chart("fleet", "column time / row time by class of machine, of several bundles", Draw::Many(fleet::draw)),
    chart("forest", "change of every case between runs of one class", Draw::Many(forest::draw)),
    chart("staircase", "nanoseconds per element by rows and by columns", Draw::Each(staircase::draw)),
    chart("loop-orders", "nanoseconds per element of each loop order of one array", Draw::Each(loop_orders::draw)),
    chart("shape-heatmap", "column time / row time over rows and columns", Draw::Scaled(shape_heatmap::scale, shape_heatmap::draw)),
    chart("conflict-spikes", "nanoseconds per element over every row length of a window", Draw::Each(conflict_spikes::draw)),
    chart("stride-curve", "nanoseconds per access over the stride", Draw::Each(stride_curve::draw)),
    chart("where-served", "which cache serves the accesses, simulated", Draw::Each(where_served::draw)),
    chart("simulated-counted", "counted beside simulated misses", Draw::Each(simulated_counted::draw)),
    chart("locality-map", "GB/s over stride and size", Draw::Scaled(locality_map::scale, locality_map::draw)),
    chart("tile-sweep", "time over the edge of the tile", Draw::Each(tile_sweep::draw)),
    chart("ways", "what loop orders, tiles and copies of a family cost", Draw::Each(ways::draw)),
    chart("caches", "latency over the size of a random cycle, with the caches that it shows", Draw::Each(caches::draw)),
    chart("threads", "GB/s over worker threads", Draw::Each(threads::draw)),
];

impl Chart {
    /// One picture of all bundles; a chart of one machine gives its pictures side by side.
    ///
    /// # Errors
    /// Why the bundles have no data for it.
    pub fn picture(&self, bundles: &[Bundle]) -> Result<Picture, String> {
        let mut pictures = self.pictures(bundles)?;
        Ok(if pictures.len() == 1 { pictures.remove(0).1 } else { Picture::together(pictures) })
    }

    /// Its pictures, each with the name of the CPU that it is of; one without a name shows all bundles.
    ///
    /// # Errors
    /// Why no bundle has data for it.
    pub fn pictures(&self, bundles: &[Bundle]) -> Result<Vec<(String, Picture)>, String> {
        let drawn: Vec<Result<Picture, String>> = match self.draw {
            Draw::Many(draw) => return Ok(vec![(String::new(), draw(bundles)?)]),
            Draw::Each(draw) => bundles.iter().map(draw).collect(),
            Draw::Scaled(scale, draw) => {
                let ends = bundles.iter().filter_map(scale);
                let ends = ends.reduce(|[low, high], [l, h]| [low.min(l), high.max(h)]).unwrap_or([1.0, 2.0]);
                bundles.iter().map(|bundle| draw(bundle, ends)).collect()
            }
        };
        let (mut found, mut why) = (Vec::new(), "no bundle was given".to_owned());
        for (picture, name) in drawn.into_iter().zip(names(bundles)) {
            match picture {
                Ok(picture) => found.push((name, picture)),
                Err(reason) => why = reason,
            }
        }
        if found.is_empty() { Err(why) } else { Ok(found) }
    }
}

/// The chart of that name.
///
/// # Errors
/// A message that lists the names there are.
pub fn find(name: &str) -> Result<&'static Chart, String> {
    CHARTS.iter().find(|chart| chart.name == name).ok_or_else(|| {
        let names: Vec<&str> = CHARTS.iter().map(|chart| chart.name).collect();
        crate::units::unknown("chart", name, &names)
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
        let Ok(picture) = chart.picture(bundles) else { continue };
        let path = folder.join(format!("{}.svg", chart.name));
        std::fs::write(&path, picture.svg(Theme::Light, chart.name))?;
        written.push(path);
    }
    Ok(written)
}
