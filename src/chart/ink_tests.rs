//! The palette can be told apart: CIEDE2000 over normal sight and three kinds of colour blindness (Machado 2009).

use super::*;

const SIGHTS: [[[f64; 3]; 3]; 4] = [
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
    [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
    [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]],
];
const XYZ: [[f64; 3]; 3] = [
    [0.412_456_4, 0.357_576_1, 0.180_437_5],
    [0.212_672_9, 0.715_152_2, 0.072_175],
    [0.019_333_9, 0.119_192, 0.950_304_1],
];

fn times(matrix: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
}

fn linear(RGBColor(r, g, b): RGBColor) -> [f64; 3] {
    [r, g, b].map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    })
}

fn lab(light: [f64; 3]) -> [f64; 3] {
    let [x, y, z] = times(XYZ, light);
    let f = |t: f64| {
        if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 }
    };
    let (x, y, z) = (f(x / 0.950_47), f(y), f(z / 1.088_83));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// CIEDE2000 (Sharma, Wu and Dalal 2005), with all weights 1.
fn difference([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let mean = f64::midpoint(a1.hypot(b1), a2.hypot(b2));
    let seven = |c: f64| (c.powi(7) / (c.powi(7) + 25_f64.powi(7))).sqrt();
    let g = 1.0 + 0.5 * (1.0 - seven(mean));
    let (a1, a2) = (a1 * g, a2 * g);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| b.atan2(a).to_degrees().rem_euclid(360.0);
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let grey = c1 * c2 == 0.0;
    let turn = if grey { 0.0 } else { (h2 - h1 + 180.0).rem_euclid(360.0) - 180.0 };
    let h = match (grey, (h1 - h2).abs() <= 180.0) {
        (true, _) => h1 + h2,
        (_, true) => f64::midpoint(h1, h2),
        _ => (f64::midpoint(h1, h2) + 180.0).rem_euclid(360.0),
    };
    let (l, c) = (f64::midpoint(l1, l2), f64::midpoint(c1, c2));
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0) - 0.2 * cos(4.0 * h - 63.0);
    let sl = 1.0 + 0.015 * (l - 50.0).powi(2) / (20.0 + (l - 50.0).powi(2)).sqrt();
    let (dl, dc) = ((l2 - l1) / sl, (c2 - c1) / (1.0 + 0.045 * c));
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin() / (1.0 + 0.015 * c * t);
    let rotation = -2.0 * seven(c) * (60.0 * (-((h - 275.0) / 25.0).powi(2)).exp()).to_radians().sin();
    (dl * dl + dc * dc + dh * dh + rotation * dc * dh).sqrt()
}

fn contrast(one: RGBColor, other: RGBColor) -> f64 {
    let [a, b] = [one, other].map(|color| times(XYZ, linear(color))[1] + 0.05);
    (a / b).max(b / a)
}

#[test]
fn a_known_difference_is_found() {
    // The first pair of the article's table.
    let found = difference([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485]);
    assert!((found - 2.0425).abs() < 1e-4, "{found}");
}

#[test]
fn lines_can_be_told_apart_by_every_eye_and_on_both_grounds() {
    for dark in [false, true] {
        let of = |role: &Role| if dark { role.2 } else { role.1 };
        let colors: Vec<RGBColor> = ROLES[4..].iter().map(of).collect();
        let mut least = f64::INFINITY;
        for sight in SIGHTS {
            let seen = |color: &RGBColor| lab(times(sight, linear(*color)).map(|c| c.clamp(0.0, 1.0)));
            let seen: Vec<_> = colors.iter().map(seen).collect();
            for (index, one) in seen.iter().enumerate() {
                least = seen[..index].iter().map(|other| difference(*one, *other)).fold(least, f64::min);
            }
        }
        assert!(least >= 15.0, "dark: {dark}: the least difference is {least}");
        let ground = of(&ROLES[0]);
        assert!(colors.iter().all(|&color| contrast(color, ground) >= 3.0), "dark: {dark}");
        assert!(ROLES[1..3].iter().all(|role| contrast(of(role), ground) >= 4.5), "dark: {dark}");
    }
}

#[test]
fn colours_follow_the_theme() {
    assert_eq!(written((0x22, 0x22, 0x22), Theme::Light), "#222");
    assert_eq!(written((0x22, 0x22, 0x22), Theme::Dark), "#e6e8eb");
    assert_eq!(written((0x22, 0x22, 0x22), Theme::Page), "var(--text)");
    assert_eq!(written((1, 2, 3), Theme::Page), "#010203");
    assert!(variables(true).contains("--ground:#14171c;"));
}
