//! Axes: the range that holds the data, round ticks on it, and where a value lies.

use super::{
    Axis, Scale,
    number::{nice_step, text_of},
};

/// A range of an axis, mapped onto a span of pixels.
#[derive(Clone, Debug)]
pub(super) struct Ruler {
    scale: Scale,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    /// Value and text of each tick, by increasing value.
    pub ticks: Vec<(f64, String)>,
}

impl Ruler {
    /// A ruler for `values` of `axis` on the pixels `from` to `to`, with at most about `count` ticks. Linear ranges include `base`
    /// where it is given. Values that are not finite, or not positive on a logarithmic axis, do not count.
    pub fn new(axis: &Axis, values: impl Iterator<Item = f64>, base: Option<f64>, span: (f64, f64), count: usize) -> Self {
        let is_log = axis.scale == Scale::Log;
        let usable = values.filter(|value| value.is_finite() && value.abs() < 1e290 && (!is_log || *value > 1e-290));
        let (mut low, mut high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            (low, high) = if is_log { (1.0, 10.0) } else { (0.0, 1.0) };
        }
        if let (Some(base), false) = (base, is_log) {
            (low, high) = (low.min(base), high.max(base));
        }
        let (low, high, ticks) = if is_log { log_ticks(low, high, count) } else { linear_ticks(axis.scale, low, high, count) };
        Self { scale: axis.scale, low, high, from: span.0, to: span.1, ticks }
    }

    /// The pixel of `value`, held within the ruler; `None` where it has no place.
    pub fn place(&self, value: f64) -> Option<f64> {
        let share = match self.scale {
            Scale::Log if value > 0.0 => (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln()),
            Scale::Log => return None,
            _ => (value - self.low) / (self.high - self.low),
        };
        (value.is_finite() && share.is_finite()).then(|| self.from + share.clamp(0.0, 1.0) * (self.to - self.from))
    }
}

fn linear_ticks(scale: Scale, low: f64, high: f64, count: usize) -> (f64, f64, Vec<(f64, String)>) {
    let (low, high) = if high > low { (low, high) } else { (low, low + if scale == Scale::Percent { 0.01 } else { low.abs().max(1.0) }) };
    let step = nice_step(high - low, count);
    let first = (low / step + 1e-9).floor();
    let mut last = (high / step - 1e-9).ceil();
    if scale == Scale::Percent && high <= 1.0 {
        last = last.min((1.0 / step + 1e-9).floor()).max(first + 1.0);
    }
    let unit = if scale == Scale::Percent { 100.0 } else { 1.0 };
    let decimals = decimals_of_step(step * unit);
    let ticks = (0..=(last - first).clamp(1.0, 100.0) as usize).map(|index| {
        let value = (first + index as f64) * step;
        (value, text_of(value * unit, decimals))
    });
    (first * step, last * step, ticks.collect())
}

/// Powers of 2 where few of them suffice, as for budgets of attempts; powers of 10 otherwise.
fn log_ticks(low: f64, high: f64, count: usize) -> (f64, f64, Vec<(f64, String)>) {
    let base: f64 = if low >= 1.0 && high / low <= 2048.0 { 2.0 } else { 10.0 };
    let first = (low.ln() / base.ln() + 1e-9).floor();
    let last = (high.ln() / base.ln() - 1e-9).ceil().max(first + 1.0);
    let stride = ((last - first) / count.max(1) as f64).ceil().max(1.0);
    let ticks = (0..=((last - first) / stride) as usize).map(|index| {
        let value = base.powi((first + index as f64 * stride) as i32);
        let is_plain = (1e-4..1e6).contains(&value);
        let text = if is_plain { text_of(value, decimals_of_step(value)) } else { format!("{value:.0e}") };
        (value, text)
    });
    (base.powi(first as i32), base.powi(last as i32), ticks.collect())
}

/// Decimals needed to tell multiples of `step` apart.
fn decimals_of_step(step: f64) -> u8 {
    (0..12).find(|&decimals| (step * 10f64.powi(decimals)).fract().abs() < 1e-6 || 1.0 - (step * 10f64.powi(decimals)).fract() < 1e-6).unwrap_or(12) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(axis: &Axis, values: &[f64], base: Option<f64>, expected: &[&str]) {
        let ruler = Ruler::new(axis, values.iter().copied(), base, (0.0, 100.0), 5);
        let texts: Vec<&str> = ruler.ticks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, expected);
        for &value in values {
            assert!(ruler.place(value).is_none_or(|place| (0.0..=100.0).contains(&place)));
        }
    }

    #[test]
    fn ticks_are_round_numbers() {
        let linear = Axis::linear("x", "");
        check(&linear, &[3.0, 97.0], Some(0.0), &["0", "20", "40", "60", "80", "100"]);
        check(&linear, &[0.001, 0.0042], None, &["0.001", "0.002", "0.003", "0.004", "0.005"]);
        check(&linear, &[-1.0, 1.0], None, &["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
        check(&Axis::percent("p"), &[0.43], Some(0.0), &["0", "10", "20", "30", "40", "50"]);
        check(&Axis::percent("p"), &[0.97, 1.0], Some(0.0), &["0", "20", "40", "60", "80", "100"]);
        check(&Axis::log("k", ""), &[1.0, 8.0], None, &["1", "2", "4", "8"]);
        check(&Axis::log("n", ""), &[10.0, 1e5], None, &["10", "100", "1000", "10000", "100000"]);
    }

    #[test]
    fn hostile_values_leave_a_usable_ruler() {
        for axis in [Axis::linear("x", ""), Axis::log("x", ""), Axis::percent("x")] {
            for values in
                [vec![], vec![f64::NAN, f64::INFINITY], vec![5.0], vec![0.0], vec![-3.0], vec![f64::MIN, f64::MAX], vec![1e289, -1e289], vec![1e16, 1e16 + 2.0]]
            {
                let ruler = Ruler::new(&axis, values.iter().copied(), Some(0.0), (0.0, 100.0), 5);
                assert!((2..=101).contains(&ruler.ticks.len()), "{axis:?} {values:?} {:?}", ruler.ticks);
                assert!(values.iter().all(|&value| ruler.place(value).is_none_or(|place| (0.0..=100.0).contains(&place))));
            }
        }
    }
}
