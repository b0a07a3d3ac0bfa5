//! Two or more cores for the large steps. Results never depend on how many there are.

use std::ops::Range;

/// `0..n` cut into as many nearly equal ranges as there are cores; one where that is not worth a thread.
pub(crate) fn halves(n: usize) -> Vec<Range<usize>> {
    let cores = std::thread::available_parallelism().map_or(1, |c| c.get().min(16));
    let parts = if n < 20_000 { 1 } else { cores };
    (0..parts)
        .map(|p| n * p / parts..n * (p + 1) / parts)
        .collect()
}

/// `f` of each, in order, each on a thread of its own.
pub(crate) fn map<T: Sync, R: Send>(of: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if let [one] = of {
        return vec![f(one)];
    }
    std::thread::scope(|scope| {
        let f = &f;
        let running: Vec<_> = of.iter().map(|one| scope.spawn(move || f(one))).collect();
        running
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// `n` values; `f` is given the place of each part and fills it in, each on a thread of its own.
pub(crate) fn fill<T: Clone + Default + Send>(
    n: usize,
    f: impl Fn(usize, &mut [T]) + Sync,
) -> Vec<T> {
    let mut all = vec![T::default(); n];
    std::thread::scope(|scope| {
        let f = &f;
        let mut rest = all.as_mut_slice();
        for range in halves(n) {
            let (part, more) = std::mem::take(&mut rest).split_at_mut(range.len());
            rest = more;
            scope.spawn(move || f(range.start, part));
        }
    });
    all
}

/// Two things at once.
pub(crate) fn both<A: Send, B>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let a = scope.spawn(a);
        let b = b();
        (
            a.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            b,
        )
    })
}
