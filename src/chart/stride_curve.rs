//! What an access costs over the distance to the one before.

use super::data::{Sampled, caption, family, footprint, option};
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, Curves, Series, bytes, plain};
use crate::bundle::{Bundle, shown};
use crate::suite::SizeClass;
use crate::units::{bytes_long, nanos};
use std::collections::BTreeMap;

/// Bytes between one access and the next.
pub(super) fn stride(one: &Sampled<'_>) -> Option<f64> {
    option(one.info, "stride").or_else(|| {
        let inner = usize::try_from(*one.info.loop_order.last()?).ok()?;
        let bytes = one.info.strides.get(inner)?.unsigned_abs();
        u32::try_from(bytes).ok().map(f64::from)
    })
}

/// The cases of the family that read every element at strides of a power of two: those of one element per stride touch
/// other bytes, those between the powers, for the time model, meet in other sets, and those of whole lines do more at a step.
///
/// # Errors
/// If there are none.
pub(super) fn dense(bundle: &Bundle) -> Result<Vec<Sampled<'_>>, String> {
    let mut found = family(bundle, "stride")?;
    let power = |one: &Sampled<'_>| one.info.shape.last().is_none_or(|row| row.is_power_of_two());
    let plain = |one: &Sampled<'_>| ["only", "walk"].iter().all(|option| !one.info.options.contains_key(*option));
    found.retain(|one| one.info.kernel == "sum" && plain(one) && power(one));
    Ok(found)
}

/// Of several working sets in one cache the one with most strides, then the largest: a line is of one array.
fn one_size(points: &mut Vec<(f64, &Sampled<'_>)>) {
    let mut sizes: BTreeMap<u64, usize> = BTreeMap::new();
    points.iter().for_each(|(_, one)| *sizes.entry(one.info.footprint_bytes).or_default() += 1);
    let most = sizes.into_iter().max_by_key(|&(bytes, strides)| (strides, bytes));
    points.retain(|(_, one)| most.is_some_and(|(bytes, _)| one.info.footprint_bytes == bytes));
}

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let found = dense(bundle)?;
    let caches = bundle.data_caches();
    let mut classes: BTreeMap<usize, Vec<(f64, &Sampled<'_>)>> = BTreeMap::new();
    for one in &found {
        let class = match bundle.size_class(one.info.footprint_bytes) {
            SizeClass::Cache(level) => level,
            SizeClass::Memory => caches.len(),
        };
        let Some(stride) = stride(one).filter(|stride| *stride > 0.0) else { continue };
        classes.entry(class).or_default().push((stride, one));
    }
    classes.values_mut().for_each(one_size);
    let mut data = Data::new(&["where", "bytes", "stride_bytes", "ns_per_access", "p10", "p90"]);
    let mut series = Vec::new();
    for (&class, points) in &mut classes {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let name = caches.get(class).map_or_else(|| "memory".to_owned(), |(name, _)| shown(name));
        for (stride, one) in points.iter() {
            let mut row = vec![Cell::from(name.as_str()), Cell::from(footprint(one.info)), Cell::from(*stride)];
            row.extend([one.step.median, one.step.low, one.step.high].map(Cell::from));
            data.rows.push(row);
        }
        let largest = points.iter().map(|(_, one)| one.info.footprint_bytes).max().unwrap_or(0);
        let label = format!("{name}: {}", bytes_long(largest));
        let line = Series::line(label, points.iter().map(|(x, one)| [*x, one.step.median]).collect(), class);
        let band = points.iter().map(|(x, one)| [*x, one.step.low, one.step.high]).collect();
        series.push(Series { band, ..line });
    }
    series.retain(|series| series.points.len() > 1);
    let slowest = series.iter().flat_map(|series| series.points.iter()).max_by(|a, b| a[1].total_cmp(&b[1]));
    let [stride, ns] = *slowest.ok_or("fewer than two strides of one size were measured")?;
    let machine = &bundle.header.machine;
    let line = machine.caches.iter().find_map(|cache| cache.line).map_or(64, u64::from);
    #[expect(clippy::cast_precision_loss, reason = "a page is below 2^53")]
    let mark = |name: &str, bytes: u64| (format!("{name} {}", bytes_long(bytes)), bytes as f64);
    let marks = vec![mark("line", line), mark("page", machine.page_bytes.unwrap_or(4096))];
    let all = || series.iter().flat_map(|series| series.points.iter());
    let nothing = "nothing was measured";
    let heights = series.iter().flat_map(|s| s.band.iter()).flat_map(|&[_, low, high]| [low, high]);
    let curves = Curves {
        x: Axis::log2("stride, bytes", all().map(|p| p[0]), Some(0.3), bytes).ok_or(nothing)?,
        y: Axis::log2("nanoseconds per access", heights, None, plain).ok_or(nothing)?,
        series,
        marks,
        bands: false,
        level: None,
    };
    let samples: usize = found.iter().map(|one| one.samples).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a stride is below 2^32")]
    let at = bytes_long(stride as u64);
    Ok(Picture {
        title: format!("An access costs up to {}, at strides of {at}", nanos(ns)),
        subtitle: "One access per step, each a stride behind the one before; one line per place where the array fits"
            .to_owned(),
        caption: caption(
            &[bundle],
            &format!("{samples} samples"),
            "measured; lines: medians, ribbons: 10 % to 90 % of the samples",
        ),
        data,
        extent: curves.extent("Line chart"),
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| curves.draw(canvas, area)),
    })
}
