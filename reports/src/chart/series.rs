//! Series: named runs of points and the shape they are drawn in.

use crate::chart::theme::Hue;

/// How points become ink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A line from point to point.
    Line,
    /// A line over a light area down to the axis.
    Area,
    /// Marks at the foot of the plot, as high as the value says.
    Alarm,
    /// Dots joined by a line.
    Dots,
}

/// One series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// What the legend calls it.
    pub(crate) name: String,
    /// Its colour and dash pattern.
    pub(crate) hue: Hue,
    /// Its shape.
    pub(crate) shape: Shape,
    /// Stretches without a gap, in order of x.
    pub(crate) runs: Vec<Vec<(f64, f64)>>,
}

impl Series {
    /// A series in one stretch.
    pub(crate) fn new(name: impl Into<String>, hue: Hue, shape: Shape, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), hue, shape, runs: vec![points] }
    }

    /// Cuts the stretches wherever two neighbours lie further apart than `gap`.
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

    /// Highest value.
    pub(crate) fn top(&self) -> f64 {
        self.runs.iter().flatten().map(|point| point.1).fold(0.0, f64::max)
    }

    /// True when there is nothing but zero.
    pub(crate) fn is_flat_zero(&self) -> bool {
        self.runs.iter().flatten().all(|point| point.1 == 0.0)
    }
}

/// Which value of a group stands for it: the one that matters must survive, so never the mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Peaks matter.
    Highest,
    /// Troughs matter.
    Lowest,
}

impl Keep {
    /// The point that matters more.
    pub(crate) fn of(self, kept: (f64, f64), next: (f64, f64)) -> (f64, f64) {
        let better = match self {
            Self::Highest => next.1 > kept.1,
            Self::Lowest => next.1 < kept.1,
        };
        if better { next } else { kept }
    }
}

/// At most `most` points: neighbours are put together, each group at its last moment with the value that matters.
pub(crate) fn thin(points: &[(f64, f64)], most: usize, keep: Keep) -> Vec<(f64, f64)> {
    let group = points.len().div_ceil(most.max(1)).max(1);
    points
        .chunks(group)
        .filter_map(|chunk| {
            let value = chunk.iter().copied().reduce(|kept, next| keep.of(kept, next))?.1;
            Some((chunk.last()?.0, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_what_matters() {
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
