//! Least squares by the method of Levenberg and Marquardt (Marquardt, "An algorithm for least-squares estimation of nonlinear
//! parameters", SIAM Journal 11, 1963), with derivatives by differences. Some fifty unknowns: a crate of linear algebra would take
//! longer to build than this takes to run.

/// Differences are taken over this much.
const DIFFERENCE: f64 = 1e-4;
/// How far the first step is damped, and by which factors damping falls after a step and grows before another try.
const DAMPING: [f64; 3] = [1e-2, 0.2, 4.0];
/// Tries of a step.
const TRIES: u32 = 10;
/// No unknown moves farther in a step.
const FARTHEST: f64 = 1.0;

/// From `start` on, the unknowns whose `residuals` have the smallest sum of squares, and that sum, after `most` steps or as soon as one
/// gains no more than the share `enough`.
pub(super) fn least_squares(
    start: Vec<f64>,
    residuals: impl Fn(&[f64]) -> Vec<f64>,
    most: u32,
    enough: f64,
) -> (Vec<f64>, f64) {
    let square = |residuals: &[f64]| residuals.iter().map(|r| r * r).sum::<f64>();
    let mut at = start;
    let mut left = residuals(&at);
    let mut sum = square(&left);
    let [mut damping, falls, grows] = DAMPING;
    for _ in 0..most {
        let slope = |unknown: usize| -> Vec<f64> {
            let mut ahead = at.clone();
            ahead[unknown] += DIFFERENCE;
            residuals(&ahead).iter().zip(&left).map(|(there, here)| (there - here) / DIFFERENCE).collect()
        };
        let slopes: Vec<Vec<f64>> = (0..at.len()).map(slope).collect();
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let normal: Vec<Vec<f64>> = slopes.iter().map(|a| slopes.iter().map(|b| product(a, b)).collect()).collect();
        let falling: Vec<f64> = slopes.iter().map(|slope| -product(slope, &left)).collect();
        let before = sum;
        for _ in 0..TRIES {
            let mut damped = normal.clone();
            damped.iter_mut().enumerate().for_each(|(row, values)| values[row] *= 1.0 + damping);
            let step = solved(damped, falling.clone());
            let there: Vec<f64> = at.iter().zip(&step).map(|(at, by)| at + by.clamp(-FARTHEST, FARTHEST)).collect();
            let found = residuals(&there);
            let square = square(&found);
            if square < sum {
                (at, left, sum) = (there, found, square);
                damping *= falls;
                break;
            }
            damping *= grows;
        }
        if sum >= before * (1.0 - enough) {
            break;
        }
    }
    (at, sum)
}

/// Solves a symmetric positive definite system (Cholesky); what is not definite moves nothing.
fn solved(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let count = right.len();
    for row in 0..count {
        for column in 0..=row {
            let sum: f64 = (0..column).map(|k| matrix[row][k] * matrix[column][k]).sum();
            let rest = matrix[row][column] - sum;
            matrix[row][column] = if row > column {
                rest / matrix[column][column]
            } else if rest > 0.0 {
                rest.sqrt()
            } else {
                f64::INFINITY
            };
        }
    }
    for row in 0..count {
        let sum: f64 = (0..row).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - sum) / matrix[row][row];
    }
    for row in (0..count).rev() {
        let sum: f64 = (row + 1..count).map(|k| matrix[k][row] * right[k]).sum();
        right[row] = (right[row] - sum) / matrix[row][row];
    }
    right.iter().map(|step| if step.is_finite() { *step } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valley_is_followed_to_its_end() {
        // Rosenbrock's function.
        let valley = |at: &[f64]| vec![10.0 * (at[1] - at[0] * at[0]), 1.0 - at[0]];
        let (found, left) = least_squares(vec![-1.2, 1.0], valley, 200, 1e-12);
        assert!(left < 1e-12 && found.iter().all(|at| (at - 1.0).abs() < 1e-5), "{found:?} {left}");
        // An unknown that nothing depends on stays.
        let (found, left) = least_squares(vec![3.0, 7.0], |at| vec![at[0] - 1.0, 0.5], 20, 1e-9);
        assert!((found[0] - 1.0).abs() < 1e-4 && found[1].to_bits() == 7_f64.to_bits() && (left - 0.25).abs() < 1e-8);
    }

    #[test]
    fn a_definite_system_is_solved() {
        let found = solved(vec![vec![4.0, 2.0], vec![2.0, 3.0]], vec![2.0, 5.0]);
        assert!((found[0] + 0.5).abs() < 1e-12 && (found[1] - 2.0).abs() < 1e-12, "{found:?}");
    }
}
