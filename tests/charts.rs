//! Charts and pages of bundles made by hand: their numbers, their structure, and texts that would break out of them.

#[path = "support/sample.rs"]
#[allow(
    unreachable_pub,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures that are made up"
)]
mod sample;

use roxmltree::{Document, Node};
use sample::{FLEET, HOSTILE, Made, drawn_from, of_one_array, rerun};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use stridewise::bundle::Bundle;
use stridewise::chart::{CHARTS, Cell, Picture, Theme};
use stridewise::counters::Place;
use stridewise::report;

fn fleet() -> Vec<Bundle> {
    FLEET.iter().map(Made::bundle).collect()
}

/// Every chart of the bundles it is made for.
fn pictures(bundles: &[Bundle]) -> Vec<(&'static str, Picture)> {
    CHARTS.iter().map(|chart| (chart.name, chart.picture(&drawn_from(chart.name, bundles)).unwrap())).collect()
}

#[test]
fn a_forest_compares_runs_of_one_class_only() {
    let fleet = fleet();
    let forest = stridewise::chart::find("forest").unwrap();
    let picture = forest.picture(&[fleet[0].clone(), rerun(&fleet[0])]).unwrap();
    assert!(picture.title.starts_with("1 of "), "{}", picture.title);
    assert_eq!(picture.data.rows[0][4], Cell::Text("slower".into()));
    assert!(matches!(picture.data.rows[0][1], Cell::Number(change) if (change - 50.0).abs() < 1.0));
    let other = rerun(&fleet[1]);
    assert!(forest.picture(&[fleet[0].clone(), other]).unwrap_err().contains("one class"));
    assert!(forest.picture(&fleet[..1]).unwrap_err().contains("two runs"));
}

fn texts<'a>(document: &'a Document<'_>) -> Vec<Node<'a, 'a>> {
    document.descendants().filter(|node| node.has_tag_name("text")).collect()
}

#[test]
fn every_chart_is_one_svg_that_tells_what_it_shows() {
    for (name, picture) in pictures(&fleet()) {
        for theme in [Theme::Light, Theme::Dark, Theme::Page] {
            let svg = picture.svg(theme, "x");
            let document = Document::parse(&svg).unwrap_or_else(|error| panic!("{name}: {error}"));
            let root = document.root_element();
            assert_eq!(root.attribute("role"), Some("img"), "{name}");
            assert!(root.attribute("width").is_none() && root.attribute("viewBox").is_some(), "{name}");
            let words = |tag| root.children().find(|node| node.has_tag_name(tag)).and_then(|node| node.text());
            assert_eq!(words("title"), Some(picture.title.as_str()), "{name}");
            let description = words("desc").unwrap();
            assert!(description.contains("series") && description.contains(&picture.title), "{name}: {description}");
            let ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
            assert!(ids.iter().all(|id| id.starts_with("x-")), "{name}: {ids:?}");
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}: {ids:?}");
            let small = |node: &Node<'_, '_>| {
                node.attribute("font-size").is_some_and(|size| size.parse::<f64>().unwrap() < 12.0)
            };
            assert!(!texts(&document).iter().any(small), "{name} has text below 12 px");
            assert_eq!(svg.contains("var(--"), theme == Theme::Page, "{name}");
        }
    }
}

#[test]
fn structure_and_numbers_stay_as_they_are() {
    let mut lines = Vec::new();
    for (name, picture) in pictures(&fleet()) {
        let svg = picture.svg(Theme::Light, "x");
        let document = Document::parse(&svg).unwrap();
        let mut tags: BTreeMap<&str, usize> = BTreeMap::new();
        for node in document.descendants().filter(Node::is_element) {
            *tags.entry(node.tag_name().name()).or_default() += 1;
        }
        lines.push(format!("{name}: {}", picture.title));
        lines.push(format!("  {}", picture.description().split(". ").next().unwrap_or_default()));
        lines.push(format!("  {tags:?}"));
        lines.push(format!("  {} rows of {}", picture.data.rows.len(), picture.data.columns.join(", ")));
        for row in [0, picture.data.rows.len() / 2, picture.data.rows.len() - 1] {
            let cells: Vec<String> = picture.data.rows[row].iter().map(Cell::to_string).collect();
            lines.push(format!("  {}", cells.join(" | ")));
        }
    }
    insta::assert_snapshot!("charts", lines.join("\n"));
}

#[test]
fn the_words_of_a_chart_stay_as_they_are() {
    let bundles = fleet();
    for name in ["penalty-curve", "where-served", "fleet"] {
        let picture = &pictures(&bundles).into_iter().find(|(chart, _)| *chart == name).unwrap().1;
        let svg = picture.svg(Theme::Light, "x");
        let document = Document::parse(&svg).unwrap();
        let words: Vec<String> = texts(&document).iter().filter_map(|node| Some(node.text()?.to_owned())).collect();
        insta::assert_snapshot!(format!("words-{name}"), words.join("\n"));
    }
}

#[test]
fn the_numbers_behind_a_chart_are_what_was_measured() {
    let bundle = FLEET[0].bundle();
    let chart = stridewise::chart::find("penalty-curve").unwrap();
    let picture = chart.picture(std::slice::from_ref(&bundle)).unwrap();
    let pair = bundle.pairs.iter().find(|pair| pair.id == "order/sum/f8/1024x1024/C/1,0").unwrap();
    let expected = pair.penalty().unwrap().run.estimate;
    let row = picture.data.rows.iter().find(|row| row[2] == Cell::Text("1024x1024".into())).unwrap();
    assert_eq!(row[4], Cell::Number(expected));
    assert_eq!(row[3], Cell::Number(8_388_608.0));
    let csv = picture.data.csv();
    assert!(csv.starts_with("cpu,walk,shape,bytes,column_over_row,"), "{csv}");
    assert_eq!(csv.lines().count(), picture.data.rows.len() + 1);
}

#[test]
fn no_text_of_a_bundle_breaks_out() {
    for text in HOSTILE {
        let bundles = [[32, 512, 8192], [48, 1024, 16_384]]
            .map(|caches| Made { name: "CPU ", caches, counts: true, text }.bundle());
        for chart in CHARTS {
            let bundles = &drawn_from(chart.name, &bundles);
            let svg = chart.picture(bundles).unwrap().svg(Theme::Light, "x");
            let document = Document::parse(&svg).unwrap_or_else(|error| panic!("{}: {text:?}: {error}", chart.name));
            let live = |node: &Node<'_, '_>| {
                matches!(node.tag_name().name(), "script" | "img" | "image" | "a" | "foreignObject" | "style")
                    || node.attributes().any(|attribute| attribute.name().starts_with("on"))
            };
            assert!(!document.descendants().any(|node| live(&node)), "{}: {text:?}", chart.name);
            assert!(!svg.chars().any(|c| c.is_control() && c != '\n'), "{}: {text:?}", chart.name);
            let csv = chart.picture(bundles).unwrap().data.csv();
            assert!(!csv.lines().any(|line| line.starts_with(['=', '@'])), "{}: {csv}", chart.name);
        }
        let page = report::page(&bundles, "abc123");
        assert_eq!(page.matches("<script").count(), 1, "{text:?}");
        assert_eq!(page.matches("<style").count(), 1, "{text:?}");
        for sign in ["<img", "<svg onload", "\u{2028}", "\u{1b}", "\u{0}", "\u{202e}", "<!--"] {
            assert!(!page.contains(sign), "{text:?}: {sign:?} is in the page");
        }
    }
}

#[test]
fn figures_out_of_all_proportion_are_drawn_all_the_same() {
    for ns in [0, 1, u64::MAX] {
        let mut bundle = FLEET[0].bundle();
        for (index, block) in bundle.pairs.iter_mut().flat_map(|pair| &mut pair.blocks).enumerate() {
            let samples = if index % 2 == 0 { &mut block.contender_ns } else { &mut block.baseline_ns };
            samples.iter_mut().for_each(|sample| *sample = ns);
        }
        bundle.cases.iter_mut().flat_map(|case| &mut case.blocks).step_by(2).for_each(|block| block.ns.fill(ns));
        bundle.header.machine.caches.truncate(1);
        let bundles = [bundle, FLEET[1].bundle()];
        for chart in CHARTS {
            let Ok(picture) = chart.picture(&bundles) else { continue };
            let svg = picture.svg(Theme::Dark, "x");
            let document = Document::parse(&svg).unwrap_or_else(|error| panic!("{}: {error}", chart.name));
            assert!(texts(&document).len() > 3, "{}", chart.name);
            assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{} of {ns} ns", chart.name);
        }
        assert!(report::page(&bundles, "n").contains("id=\"again\""));
    }
}

#[test]
fn a_formula_in_a_csv_is_a_word() {
    let text = HOSTILE[7];
    let bundle = Made { name: "", caches: [32, 512, 8192], counts: false, text }.bundle();
    let picture = stridewise::chart::find("penalty-curve").unwrap().picture(&[bundle]).unwrap();
    let csv = picture.data.csv();
    assert!(csv.lines().nth(1).unwrap().starts_with("'=cmd"), "{csv}");
}

#[test]
fn a_window_is_of_neighbours_and_a_line_is_of_one_array() {
    let mut bundle = FLEET[0].bundle();
    let find = |name: &str| stridewise::chart::find(name).unwrap();
    let before = find("conflict-spikes").picture(std::slice::from_ref(&bundle)).unwrap();
    let mut far: Vec<_> =
        bundle.pairs.iter().filter(|pair| pair.contender.family == "conflict").take(9).cloned().collect();
    far.iter_mut().for_each(|pair| Arc::make_mut(&mut pair.contender).shape[1] += 1000);
    bundle.pairs.extend(far);
    let after = find("conflict-spikes").picture(std::slice::from_ref(&bundle)).unwrap();
    assert_eq!(before.data, after.data, "lengths of another window are not drawn among these");
    let picture = find("stride-curve").picture(std::slice::from_ref(&bundle)).unwrap();
    let column = |row: &Vec<Cell>, at: usize| row[at].to_string();
    let sizes: BTreeSet<(String, String)> =
        picture.data.rows.iter().map(|row| (column(row, 0), column(row, 1))).collect();
    let places: BTreeSet<&String> = sizes.iter().map(|(place, _)| place).collect();
    assert_eq!((sizes.len(), places.len()), (4, 4), "{sizes:?}");
    // Walks of whole lines at the same strides, as the time model has them, are not drawn among those of elements.
    let maps = ["stride-curve", "locality-map"].map(find);
    let drawn = |bundle: &Bundle| maps.map(|map| map.picture(std::slice::from_ref(bundle)).unwrap().data);
    let plain = drawn(&bundle);
    let mut lines: Vec<_> = bundle.cases.iter().filter(|one| one.case.family == "stride").cloned().collect();
    lines.iter_mut().for_each(|one| {
        _ = Arc::make_mut(&mut one.case).options.insert("walk".to_owned(), "line".into());
        one.blocks.iter_mut().for_each(|block| block.ns.fill(1));
    });
    assert!(!lines.is_empty());
    bundle.cases.extend(lines);
    assert_eq!(plain, drawn(&bundle));
}

#[test]
fn a_bundle_without_data_says_why() {
    let mut bundle = FLEET[4].bundle();
    bundle.pairs.clear();
    bundle.cases.clear();
    let bundles = [bundle];
    for chart in CHARTS {
        let why = chart.picture(&bundles).unwrap_err();
        assert!(!why.is_empty() && why.len() < 200, "{}: {why}", chart.name);
    }
    let page = report::page(&bundles, "n");
    assert!(
        page.contains("No chart has data") && page.contains("stride-curve: no case of the family stride"),
        "{page}"
    );
}

#[test]
fn an_array_of_ones_own_has_the_bars_of_its_loop_orders() {
    let chart = stridewise::chart::find("loop-orders").unwrap();
    let suite = FLEET[0].bundle();
    assert!(chart.picture(std::slice::from_ref(&suite)).unwrap_err().contains("several arrays"));
    let mut own = of_one_array(&suite);
    let expected = own.pairs.iter().find(|pair| !pair.null).unwrap().penalty().unwrap().run.estimate;
    let picture = chart.picture(std::slice::from_ref(&own)).unwrap();
    let rows = &picture.data.rows;
    let words = |row: &Vec<Cell>| [row[0].to_string(), row[1].to_string()];
    assert_eq!(words(&rows[0]), ["0,1 by rows", "0,1 by rows"]);
    assert_eq!(words(&rows[1]), ["1,0 by columns", "0,1 by rows"]);
    assert_eq!((&rows[0][5], &rows[1][5]), (&Cell::Absent, &Cell::Number(expected)));
    assert!(picture.title.starts_with("Loop order 1,0 by columns costs "), "{}", picture.title);
    // As `--npy` names them; what was measured alone is a bar without a penalty.
    own.pairs.iter_mut().for_each(|pair| Arc::make_mut(&mut pair.contender).family = "npy".to_owned());
    assert_eq!(chart.picture(std::slice::from_ref(&own)).unwrap().data, picture.data);
    let mut alone = suite.cases[0].clone();
    Arc::make_mut(&mut alone.case).family = "order".to_owned();
    (own.pairs, own.cases) = (Vec::new(), vec![alone]);
    let picture = chart.picture(&[own]).unwrap();
    assert!(picture.title.starts_with("A step in loop order 0,1 by rows costs "), "{}", picture.title);
    assert_eq!(picture.data.rows.len(), 1);
}

#[test]
fn without_counters_there_is_a_reason_and_no_picture() {
    let chart = stridewise::chart::find("simulated-counted").unwrap();
    let counted = chart.picture(&[FLEET[0].bundle()]).unwrap();
    assert!(counted.title.contains("lie within 10 %"), "{}", counted.title);
    let why = chart.picture(&[FLEET[1].bundle()]).unwrap_err();
    assert!(why.starts_with("nothing was counted: no PMU in this machine"), "{why}");
    assert!(chart.picture(&[FLEET[1].bundle(), FLEET[0].bundle()]).is_ok(), "one of them has counts");
}

#[test]
fn counts_stand_beside_the_simulated_figures_in_rows_summary_and_page() {
    let bundle = FLEET[0].bundle();
    let rows = report::rows(&bundle);
    let row = rows.iter().find(|row| row.id == "order/sum/f8/1024x1024/C/1,0").unwrap();
    // Made up: 1.04 times the simulated misses, 4 cycles and 2 instructions per access, one line in eight accesses.
    let l1 = row.counted_at(Place::L1d).unwrap();
    assert_eq!(l1.simulated_per_access, Some([0.125, 1.0]));
    assert!((l1.per_access[1] - 1.04).abs() < 1e-6 && (l1.per_access[0] - 0.13).abs() < 1e-6, "{l1:?}");
    assert!((l1.per_line.unwrap()[1] - 8.32).abs() < 1e-5, "{l1:?}");
    assert_eq!((row.cycles, row.ipc), (Some([4.0, 4.0]), Some([0.5, 0.5])));
    let summary = report::summary(&bundle, &[]);
    assert!(summary.contains("| L1d misses per access, counted | simulated | L1d misses per line, counted |"));
    assert!(
        summary.contains("| 4.000 → 4.000 | 0.500 → 0.500 | 0.130 → 1.040 | 0.125 → 1.000 | 1.040 → 8.320 |"),
        "{summary}"
    );
    let page = report::page(std::slice::from_ref(&bundle), "n");
    assert!(page.contains("Cycles per access") && page.contains("<code>l1d-read-misses</code>"));
    let silent = FLEET[1].bundle();
    assert!(report::rows(&silent).iter().all(|row| !row.has_counts()));
    let page = report::page(std::slice::from_ref(&silent), "n");
    assert!(!page.contains("Cycles per access") && page.contains("No misses were counted: no PMU in this machine"));
    assert!(!report::summary(&silent, &[]).contains("counted |"));
}

#[test]
fn a_png_is_the_same_picture_and_needs_no_font() {
    let chart = stridewise::chart::find("staircase").unwrap();
    let picture = chart.picture(&[FLEET[0].bundle()]).unwrap();
    let png = picture.png(Theme::Light, 480).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(&png[16..24], [0, 0, 1, 224, 0, 0, 1, 14]);
    assert_eq!(png, picture.png(Theme::Light, 480).unwrap());
    assert_ne!(png, picture.png(Theme::Dark, 480).unwrap());
    for width in [0, 8193] {
        let why = picture.png(Theme::Light, width).unwrap_err();
        assert!(why.contains("expected 1 to 8192"), "{why}");
    }
}

#[test]
fn a_page_has_a_policy_one_script_and_every_section() {
    let bundles = fleet();
    let one = report::page(&bundles[..1], "n0nce");
    assert!(one.contains("default-src 'none'; style-src 'nonce-n0nce'; script-src 'nonce-n0nce'"));
    assert!(
        !one.contains("http://") || one.matches("http://").count() == one.matches("http://www.w3.org/2000/svg").count()
    );
    assert!(!one.contains("https://") && !one.contains(" style=\""));
    for part in [
        "id=\"machine\"",
        "id=\"charts\"",
        "id=\"cases\"",
        "id=\"missing\"",
        "id=\"again\"",
        "stridewise run --suite full --seed 7",
    ] {
        assert!(one.contains(part), "{part} is missing");
    }
    assert!(one.contains("a column-wise walk of a C-order f64 array costs 1.02× in L1d, "), "headline");
    let many = report::page(&bundles, "n");
    assert!(many.contains("id=\"comparison\"") && many.contains("<figcaption>Neoverse-N1</figcaption>"));
    assert!(many.len() < 1_572_864, "{} bytes", many.len());
    // Two charts are of all machines, the forest is of one class, loop orders are of one array, counts are of five
    // machines, the others are of each machine.
    assert_eq!(many.matches("<svg ").count(), 2 + 5 + 8 * (CHARTS.len() - 5));
    assert_ne!(report::nonce(), report::nonce());
}
