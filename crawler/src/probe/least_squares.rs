//! Least-squares fit of statements over rows; its slope proves an N+1. Pure.
//!
//! With x̄, ȳ the means: slope = Σ(x−x̄)(y−ȳ) / Σ(x−x̄)², intercept = ȳ − slope·x̄.

/// A straight line fitted to points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedLine {
    /// Statements per row.
    pub slope: f64,
    /// Statements that do not depend on the number of rows.
    pub intercept: f64,
    /// Largest distance of a point from the line, in statements.
    pub residual: f64,
}

/// Fits a line to (rows, statements); `None` with fewer than two different numbers of rows.
pub fn least_squares(points: &[(u32, u32)]) -> Option<FittedLine> {
    let count = points.len() as f64;
    let (sum_x, sum_y) =
        points.iter().fold((0.0, 0.0), |(x, y), point| (x + f64::from(point.0), y + f64::from(point.1)));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (x, y) in points {
        let from_mean = f64::from(*x) - mean_x;
        covariance += from_mean * (f64::from(*y) - mean_y);
        variance += from_mean * from_mean;
    }
    if points.len() < 2 || variance <= 0.0 {
        return None;
    }
    let slope = covariance / variance;
    let intercept = mean_y - slope * mean_x;
    let distance = |(x, y): &(u32, u32)| (f64::from(*y) - intercept - slope * f64::from(*x)).abs();
    let residual = points.iter().map(distance).fold(0.0, f64::max);
    Some(FittedLine { slope, intercept, residual })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_statement_a_row_is_a_slope_of_one() {
        let line = least_squares(&[(4, 6), (12, 14), (24, 26)]).unwrap();
        assert!(
            (line.slope - 1.0).abs() < 1e-9 && (line.intercept - 2.0).abs() < 1e-9 && line.residual < 1e-9
        );
    }

    #[test]
    fn a_page_with_the_same_statements_at_any_size_has_slope_zero() {
        assert!(least_squares(&[(4, 3), (12, 3), (24, 3)]).unwrap().slope.abs() < 1e-12);
    }

    #[test]
    fn one_size_gives_no_line() {
        assert_eq!(least_squares(&[]), None);
        assert_eq!(least_squares(&[(4, 6)]), None);
        assert_eq!(least_squares(&[(4, 6), (4, 9)]), None);
    }

    proptest! {
        #[test]
        fn points_on_a_line_give_the_line(per_row in 0_u32..50, fixed in 0_u32..100, rows in proptest::collection::btree_set(0_u32..1_000, 2..8)) {
            let points: Vec<(u32, u32)> = rows.iter().map(|n| (*n, fixed + per_row * n)).collect();
            let line = least_squares(&points).unwrap();
            prop_assert!((line.slope - f64::from(per_row)).abs() < 1e-6);
            prop_assert!(line.residual < 1e-6);
        }

        #[test]
        fn no_point_is_further_from_the_line_than_the_residual(points in proptest::collection::vec((0_u32..1_000, 0_u32..1_000), 2..20)) {
            if let Some(line) = least_squares(&points) {
                for (x, y) in points {
                    let distance = (f64::from(y) - line.intercept - line.slope * f64::from(x)).abs();
                    prop_assert!(distance <= line.residual + 1e-6);
                }
            }
        }
    }
}
