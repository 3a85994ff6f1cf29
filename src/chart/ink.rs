//! The palette in both themes.

use plotters::style::{Color, RGBAColor, RGBColor};

/// Which ground a picture stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// White.
    Light,
    /// Nearly black.
    Dark,
    /// The page's: colours are the variables of [`variables`].
    Page,
}

/// A colour of the palette with its opacity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink(pub(super) RGBColor, pub(super) f64);

/// A role's variable, and its colour on a light and on a dark ground.
type Role = (&'static str, RGBColor, RGBColor);

const fn rgb(hex: u32) -> RGBColor {
    RGBColor((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// Every colour that follows the theme. The lines' least difference (CIEDE2000 under four kinds of vision) is 15.6 on
/// white and 17.3 on dark, their least contrast 3.0 and 3.2.
const ROLES: [Role; 12] = [
    ("--ground", rgb(0xFF_FF_FF), rgb(0x14_17_1C)),
    ("--text", rgb(0x22_22_22), rgb(0xE6_E8_EB)),
    ("--faint", rgb(0x59_59_59), rgb(0xA9_B0_B9)),
    ("--grid", rgb(0xE1_E1_E1), rgb(0x33_38_40)),
    ("--s0", rgb(0x33_22_88), rgb(0xBA_BA_DE)),
    ("--s1", rgb(0xE7_29_8A), rgb(0xCC_99_33)),
    ("--s2", rgb(0x1B_78_37), rgb(0x53_AC_8E)),
    ("--s3", rgb(0x66_99_CC), rgb(0xC7_05_86)),
    ("--s4", rgb(0x66_11_00), rgb(0xFC_FC_9C)),
    ("--s5", rgb(0x99_99_33), rgb(0x8A_72_42)),
    ("--s6", rgb(0x55_55_55), rgb(0xCD_FE_EE)),
    ("--s7", rgb(0x00_00_00), rgb(0xB9_38_FA)),
];

impl Ink {
    pub(super) const GROUND: Self = Self(ROLES[0].1, 1.0);
    pub(super) const TEXT: Self = Self(ROLES[1].1, 1.0);
    pub(super) const FAINT: Self = Self(ROLES[2].1, 1.0);
    pub(super) const GRID: Self = Self(ROLES[3].1, 1.0);

    /// The colour of [`Self::TEXT`], which needs no mention.
    pub(super) const TEXT_RGB: (u8, u8, u8) = (0x22, 0x22, 0x22);

    /// A line's colour by number.
    pub(super) const fn series(number: usize) -> Self {
        Self(ROLES[4 + number % 8].1, 1.0)
    }

    pub(super) const fn faded(self, opacity: f64) -> Self {
        Self(self.0, opacity)
    }

    pub(super) const fn rgb(self) -> (u8, u8, u8) {
        (self.0.0, self.0.1, self.0.2)
    }

    pub(super) fn rgba(self) -> RGBAColor {
        self.0.mix(self.1)
    }
}

fn hex(RGBColor(r, g, b): RGBColor) -> String {
    if r >> 4 == r & 15 && g >> 4 == g & 15 && b >> 4 == b & 15 {
        return format!("#{:x}{:x}{:x}", r & 15, g & 15, b & 15);
    }
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// How a colour is written: one that is not of the palette (a heat map's) is the same on every ground.
pub(super) fn written((r, g, b): (u8, u8, u8), theme: Theme) -> String {
    let color = RGBColor(r, g, b);
    match (ROLES.iter().find(|role| role.1 == color), theme) {
        (Some((_, _, dark)), Theme::Dark) => hex(*dark),
        (Some((name, ..)), Theme::Page) => format!("var({name})"),
        _ => hex(color),
    }
}

/// The variables that pictures of [`Theme::Page`] need, as declarations of CSS.
#[must_use]
pub fn variables(dark: bool) -> String {
    ROLES.iter().map(|(name, light, night)| format!("{name}:{};", hex(if dark { *night } else { *light }))).collect()
}

/// Cividis from 0 to 1: dark blue is low, yellow high; in grey it stays in order.
pub(super) fn cividis(share: f64) -> Ink {
    let color = colorous::CIVIDIS.eval_continuous(share.clamp(0.0, 1.0));
    Ink(RGBColor(color.r, color.g, color.b), 1.0)
}

/// Dark or light, whichever can be read on a colour of a heat map.
pub(super) fn on(Ink(RGBColor(r, g, b), _): Ink) -> Ink {
    let luminance = 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
    // Off the palette's black and white by a hair: these stay when the theme changes.
    Ink(if luminance > 120.0 { rgb(0x01_01_01) } else { rgb(0xFE_FE_FE) }, 1.0)
}

#[cfg(test)]
#[path = "ink_tests.rs"]
mod tests;
