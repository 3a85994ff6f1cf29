//! A run on a machine too noisy to answer says so wherever it says anything, and no figure of it stands in a sentence.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/sample.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures that are made up"
)]
mod sample;

use sample::FLEET;
use stridewise::bundle::Bundle;
use stridewise::chart::{CHARTS, find};
use stridewise::{advise, report};

/// Pairs in the size classes of the null controls, whose contender then takes `percent` more or less than their baseline.
fn disturbed(percent: u64) -> Bundle {
    let mut bundle = FLEET[0].bundle();
    for pair in bundle.pairs.iter_mut().filter(|pair| pair.null) {
        for block in &mut pair.blocks {
            block.contender_ns = block.baseline_ns.iter().map(|ns| ns * percent / 100).collect();
        }
    }
    let controlled: Vec<_> =
        bundle.nulls().map(|(pair, _)| bundle.size_class(pair.contender.footprint_bytes)).collect();
    let of_class = |bytes| controlled.contains(&bundle.size_class(bytes));
    let keep: Vec<bool> = bundle.pairs.iter().map(|pair| of_class(pair.contender.footprint_bytes)).collect();
    let mut keep = keep.into_iter();
    bundle.pairs.retain(|_| keep.next().unwrap());
    bundle
}

#[test]
fn failed_controls_leave_no_figure_that_will_not_hold() {
    let calm = disturbed(100);
    let headline = report::headline(&calm);
    assert!(headline.starts_with("On AMD EPYC 7763") && headline.contains(" in L1d"), "{headline}");
    assert!(report::rows(&calm).iter().any(|row| row.verdict == "slower"));
    // Faster or slower than itself by 6 %: neither can be.
    for percent in [94, 106] {
        let noisy = disturbed(percent);
        let rows = report::rows(&noisy);
        assert!(rows.len() > 5 && rows.iter().all(|row| row.verdict == "inconclusive"), "{percent}");
        let says = format!("Too noisy to answer: all {} pairs on AMD EPYC 7763", rows.len());
        assert!(report::finding(&noisy).starts_with(&says), "{}", report::finding(&noisy));
        assert!(report::headline(&noisy).starts_with(&says), "{}", report::headline(&noisy));
        assert_eq!(advise::finding::staircase(&noisy), []);
        let trust = report::trust(&noisy).join("\n");
        assert!(trust.contains("too noisy for some verdicts: 3 of 3 null controls fail"), "{trust}");
        let summary = report::summary(&noisy, &[]);
        assert!(summary.starts_with("# Too noisy to answer"), "{summary}");
        assert_eq!(summary.matches("| inconclusive |").count(), rows.len(), "{summary}");
        let page = report::page(std::slice::from_ref(&noisy), "n");
        assert!(page.contains("Too noisy to answer") && !page.contains("what a row-wise walk costs"));
        // Pictures show what was measured and carry the warning.
        let mut drawn = 0;
        for chart in CHARTS {
            if let Ok(picture) = chart.picture(std::slice::from_ref(&noisy)) {
                drawn += 1;
                let caption = &picture.caption;
                assert!(caption.ends_with("NOISY: 3 NULL CONTROLS FAILED"), "{}: {caption}", chart.name);
            }
        }
        assert!(drawn > 3);
        let curve = find("penalty-curve").unwrap().picture(std::slice::from_ref(&noisy)).unwrap();
        assert_eq!(curve.title, "Too noisy to say what columns cost");
    }
}

#[test]
fn samples_all_over_the_place_are_inconclusive_without_any_control() {
    let mut bundle = FLEET[0].bundle();
    bundle.pairs.retain(|pair| !pair.null);
    // Half the rounds say half, half say twice.
    for (index, block) in bundle.pairs.iter_mut().flat_map(|pair| pair.blocks.iter_mut().enumerate()) {
        block.contender_ns = block.baseline_ns.clone();
        for (round, samples) in block.contender_ns.chunks_mut(2).enumerate() {
            let twice = (round + index) % 2 == 0;
            samples.iter_mut().for_each(|ns| *ns = if twice { *ns * 2 } else { *ns / 2 });
        }
    }
    assert!(report::rows(&bundle).iter().all(|row| row.verdict == "inconclusive"));
    assert!(report::finding(&bundle).starts_with("Too noisy to answer"), "{}", report::finding(&bundle));
    assert!(report::headline(&bundle).starts_with("Too noisy to answer"), "{}", report::headline(&bundle));
    assert!(report::trust(&bundle)[0].starts_with("No null control was measured"));
    assert!(report::summary(&bundle, &[]).starts_with("# Too noisy to answer"));
}

#[test]
fn one_failed_control_takes_the_pairs_of_its_size_and_no_other() {
    let mut bundle = disturbed(100);
    let null =
        bundle.pairs.iter_mut().filter(|pair| pair.null).max_by_key(|pair| pair.contender.footprint_bytes).unwrap();
    for block in &mut null.blocks {
        block.contender_ns.iter_mut().for_each(|ns| *ns += *ns / 10);
    }
    let rows = report::rows(&bundle);
    let (large, small): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.footprint_bytes > 32 << 20);
    assert!(!large.is_empty() && large.iter().all(|row| row.verdict == "inconclusive"));
    assert!(small.iter().any(|row| row.verdict == "slower"));
    assert!(
        report::trust(&bundle)[0].contains("1 of 3 null controls fail, at 128 MiB"),
        "{:?}",
        report::trust(&bundle)
    );
    let headline = report::headline(&bundle);
    assert!(!headline.contains("memory"), "{headline}");
}
