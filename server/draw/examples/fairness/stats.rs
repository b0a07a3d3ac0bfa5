//! Tests of fit for what draws leave behind.
//!
//! Where nobody is preferred, a draw is exchangeable: renaming objects or inspectors does not change its
//! distribution. Then the counts over many draws, less what their means explain, have the same variance in every
//! direction, which is estimated within the draws; their sum of squares, divided by it, has a chi-square distribution.

/// A statistic with its degrees of freedom.
#[derive(Debug, Clone, Copy)]
pub struct Chi {
    pub square: f64,
    pub df: f64,
}

impl Chi {
    /// How likely a fair draw is to give at least so much.
    pub fn p(self) -> f64 {
        upper_gamma(self.df / 2.0, self.square / 2.0)
    }
}

/// One number for each of `n` things in each draw.
pub struct Tally {
    pub sums: Vec<f64>,
    energy: f64,
    pub draws: f64,
}

impl Tally {
    pub fn new(n: usize) -> Tally {
        Tally {
            sums: vec![0.0; n],
            energy: 0.0,
            draws: 0.0,
        }
    }

    /// The things that this draw chose, as often as it did.
    pub fn add(&mut self, chosen: impl Iterator<Item = usize>) {
        let mut this = vec![0.0; self.sums.len()];
        chosen.for_each(|n| this[n] += 1.0);
        self.energy += spread(&this);
        self.draws += 1.0;
        self.sums
            .iter_mut()
            .zip(this)
            .for_each(|(sum, x)| *sum += x);
    }

    pub fn chi(&self) -> Chi {
        let df = self.sums.len() as f64 - 1.0;
        Chi {
            square: spread(&self.sums) * df / self.energy,
            df,
        }
    }
}

fn spread(of: &[f64]) -> f64 {
    let mean = of.iter().sum::<f64>() / of.len() as f64;
    of.iter().map(|x| (x - mean).powi(2)).sum()
}

/// How often two of `n` things come together, beyond how often each comes.
pub struct Pairs {
    n: usize,
    pub counts: Vec<f64>,
    energy: f64,
    pub draws: f64,
}

impl Pairs {
    pub fn new(n: usize) -> Pairs {
        Pairs {
            n,
            counts: vec![0.0; n * n],
            energy: 0.0,
            draws: 0.0,
        }
    }

    /// Sets of things that came together in this draw.
    pub fn add<'s>(&mut self, sets: impl Iterator<Item = &'s [usize]>) {
        let mut this = vec![0.0; self.n * self.n];
        for set in sets {
            for &a in set {
                for &b in set {
                    this[a * self.n + b] += f64::from(u8::from(a != b));
                }
            }
        }
        self.energy += self.residual(&this);
        self.draws += 1.0;
        self.counts
            .iter_mut()
            .zip(this)
            .for_each(|(sum, x)| *sum += x);
    }

    /// What is left of a symmetric table when its mean and the means of its rows are taken away.
    fn residual(&self, table: &[f64]) -> f64 {
        let n = self.n as f64;
        let rows: Vec<f64> = table.chunks(self.n).map(|row| row.iter().sum()).collect();
        let total: f64 = rows.iter().sum::<f64>() / 2.0;
        let mean = total / (n * (n - 1.0) / 2.0);
        let of_rows = rows
            .iter()
            .map(|r| ((r - (n - 1.0) * mean) / (n - 2.0)).powi(2));
        let squares: f64 = table.iter().map(|x| x * x).sum::<f64>() / 2.0;
        squares - total * mean - (n - 2.0) * of_rows.sum::<f64>()
    }

    pub fn chi(&self) -> Chi {
        let df = self.n as f64 * (self.n as f64 - 3.0) / 2.0;
        Chi {
            square: self.residual(&self.counts) * df / self.energy,
            df,
        }
    }

    /// How often two that lie `k` apart in their order come together, as a share of draws.
    pub fn apart(&self, k: usize) -> f64 {
        let all = (0..self.n - k).map(|a| self.counts[a * self.n + a + k]);
        all.sum::<f64>() / (self.n - k) as f64 / self.draws
    }
}

/// How often each of some things meets each of others, beyond how often each comes.
pub struct Cross {
    columns: usize,
    counts: Vec<f64>,
    energy: f64,
}

impl Cross {
    pub fn new(rows: usize, columns: usize) -> Cross {
        Cross {
            columns,
            counts: vec![0.0; rows * columns],
            energy: 0.0,
        }
    }

    pub fn add(&mut self, met: impl Iterator<Item = (usize, usize)>) {
        let mut this = vec![0.0; self.counts.len()];
        met.for_each(|(row, column)| this[row * self.columns + column] += 1.0);
        self.energy += self.residual(&this);
        self.counts
            .iter_mut()
            .zip(this)
            .for_each(|(sum, x)| *sum += x);
    }

    fn residual(&self, table: &[f64]) -> f64 {
        let rows: Vec<f64> = table
            .chunks(self.columns)
            .map(|row| row.iter().sum())
            .collect();
        let mut columns = vec![0.0; self.columns];
        for row in table.chunks(self.columns) {
            columns.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        let squares = |of: &[f64]| of.iter().map(|x| x * x).sum::<f64>();
        let total: f64 = rows.iter().sum();
        squares(table)
            - squares(&rows) / columns.len() as f64
            - squares(&columns) / rows.len() as f64
            + total * total / table.len() as f64
    }

    pub fn chi(&self) -> Chi {
        let rows = self.counts.len() / self.columns;
        let df = (rows as f64 - 1.0) * (self.columns as f64 - 1.0);
        Chi {
            square: self.residual(&self.counts) * df / self.energy,
            df,
        }
    }
}

/// Counts against the shares that they should have; neighbours are put together until 5 are expected.
pub fn fit(counts: &[f64], shares: &[f64]) -> Chi {
    let all: f64 = counts.iter().sum();
    let mut bins: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    for (count, share) in counts.iter().zip(shares) {
        if bins.last().is_some_and(|(_, expected)| *expected >= 5.0) {
            bins.push((0.0, 0.0));
        }
        if let Some((found, expected)) = bins.last_mut() {
            *found += count;
            *expected += share * all;
        }
    }
    if let [.., before, last] = &mut bins[..]
        && last.1 < 5.0
    {
        *before = (before.0 + last.0, before.1 + last.1);
        bins.pop();
    }
    Chi {
        square: bins
            .iter()
            .map(|(found, expected)| (found - expected).powi(2) / expected)
            .sum(),
        df: bins.len() as f64 - 1.0,
    }
}

/// The chance of each number of common members of two independent samples of `n` out of `all`.
pub fn hypergeometric(all: u64, n: u64) -> Vec<f64> {
    let choose = |n: u64, k: u64| {
        ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0)
    };
    let of = |k: u64| {
        if n - k > all - n {
            return 0.0;
        }
        (choose(n, k) + choose(all - n, n - k) - choose(all, n)).exp()
    };
    (0..=n).map(of).collect()
}

/// Lanczos.
fn ln_gamma(x: f64) -> f64 {
    const C: [f64; 6] = [
        76.180_091_729_471_46,
        -86.505_320_329_416_77,
        24.014_098_240_830_91,
        -1.231_739_572_450_155,
        0.001_208_650_973_866_179,
        -0.000_005_395_239_384_953,
    ];
    let t = x + 5.5;
    let series = C
        .iter()
        .enumerate()
        .fold(1.000_000_000_190_015, |sum, (n, c)| {
            sum + c / (x + 1.0 + n as f64)
        });
    (x + 0.5) * t.ln() - t + (2.506_628_274_631_000_5 * series / x).ln()
}

/// The regularised upper incomplete gamma function: by its series below the mean, by its continued fraction above.
fn upper_gamma(a: f64, x: f64) -> f64 {
    let scale = || (a * x.ln() - x - ln_gamma(a)).exp();
    if x <= 0.0 {
        return 1.0;
    }
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-15 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return 1.0 - sum * scale();
    }
    let tiny = 1e-300;
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / tiny, 1.0 / b);
    let mut h = d;
    for n in 1..1_000_000 {
        let n = f64::from(n);
        let step = -n * (n - a);
        b += 2.0;
        d = step * d + b;
        d = 1.0 / if d.abs() < tiny { tiny } else { d };
        c = b + step / c;
        c = if c.abs() < tiny { tiny } else { c };
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    scale() * h
}
