//! Series: named runs of points and how they are drawn.

use crate::chart::theme::Hue;

/// How the points of a series are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A line from point to point.
    Line,
    /// A line over a light area down to the axis.
    Area,
    /// Bars from the x axis up to the value, for errors.
    Alarm,
    /// Dots joined by a line.
    Dots,
}

/// Points of one run: x, value.
pub(crate) type Points = Vec<(f64, f64)>;

/// A named run of points with colour and shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// Name in the legend.
    pub(crate) name: String,
    /// Colour and dash pattern.
    pub(crate) hue: Hue,
    pub(crate) shape: Shape,
    /// Runs without a gap, ordered by x.
    pub(crate) runs: Vec<Vec<(f64, f64)>>,
}

impl Series {
    /// A series with a single run.
    pub(crate) fn new(name: impl Into<String>, hue: Hue, shape: Shape, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), hue, shape, runs: vec![points] }
    }

    /// Splits runs where the distance between two points exceeds `gap`.
    pub(crate) fn cut_at(mut self, gap: f64) -> Self {
        let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
        for run in self.runs {
            let mut current: Vec<(f64, f64)> = Vec::new();
            for point in run {
                if current.last().is_some_and(|last| point.0 - last.0 > gap) {
                    runs.push(std::mem::take(&mut current));
                }
                current.push(point);
            }
            runs.push(current);
        }
        self.runs = runs;
        self
    }

    /// The maximum over all runs, at least 0.
    pub(crate) fn top(&self) -> f64 {
        self.runs.iter().flatten().map(|point| point.1).fold(0.0, f64::max)
    }

    /// True if every value is zero.
    pub(crate) fn is_flat_zero(&self) -> bool {
        self.runs.iter().flatten().all(|point| point.1 == 0.0)
    }
}

/// Which value represents a group of points: an extreme, because a mean would hide it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The maximum, for load and latency.
    Highest,
    /// The minimum, for available memory.
    Lowest,
}

impl Keep {
    /// The more extreme of two points.
    pub(crate) fn select(self, current: (f64, f64), next: (f64, f64)) -> (f64, f64) {
        let better = match self {
            Self::Highest => next.1 > current.1,
            Self::Lowest => next.1 < current.1,
        };
        if better { next } else { current }
    }
}

/// Reduces to at most `most` points: each group of neighbours becomes one point at its last x with its extreme value.
pub(crate) fn thin(points: &[(f64, f64)], most: usize, keep: Keep) -> Vec<(f64, f64)> {
    let group = points.len().div_ceil(most.max(1)).max(1);
    points
        .chunks(group)
        .filter_map(|chunk| {
            let value = chunk.iter().copied().reduce(|current, next| keep.select(current, next))?.1;
            Some((chunk.last()?.0, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_extremes() {
        let points: Vec<(f64, f64)> = (0..100).map(|n| (f64::from(n), f64::from(n % 10))).collect();
        let values = |keep| thin(&points, 10, keep).iter().map(|p| p.1 as u32).collect::<Vec<_>>();
        assert_eq!((values(Keep::Highest), values(Keep::Lowest)), (vec![9; 10], vec![0; 10]));
        assert_eq!(thin(&points, 1000, Keep::Highest), points);
        assert!(thin(&[], 10, Keep::Lowest).is_empty());
    }

    #[test]
    fn gaps_cut_a_line() {
        let series =
            Series::new("a", Hue(1), Shape::Line, vec![(0.0, 1.0), (1.0, 1.0), (9.0, 1.0)]).cut_at(2.0);
        assert_eq!(series.runs.len(), 2);
    }
}
