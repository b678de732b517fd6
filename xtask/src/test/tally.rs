//! Numbers of passed and failed tests, read from what the test runners print.

use regex_lite::Regex;

/// How many tests or checks passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// A check that is one thing: it passed or it failed.
    pub(crate) fn of_check(success: bool) -> Self {
        Self {
            passed: u64::from(success),
            failed: u64::from(!success),
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
        }
    }
}

/// `Summary [ 1.2s] 12 tests run: 10 passed, 1 failed, 1 timed out, 0 skipped`.
pub(crate) fn nextest(output: &str) -> Tally {
    let summary = output.lines().rfind(|line| line.contains("Summary ["));
    let line = summary.map(without_colours).unwrap_or_default();
    let failed = ["failed", "timed out", "exec failed"].map(|word| number_before(&line, word));
    Tally {
        passed: number_before(&line, "passed"),
        failed: failed.iter().sum(),
    }
}

/// The sum of all `test result: ok. 3 passed; 0 failed; ...` lines.
pub(crate) fn cargo_test(output: &str) -> Tally {
    output
        .lines()
        .filter(|line| line.starts_with("test result: "))
        .map(|line| Tally {
            passed: number_before(line, "passed"),
            failed: number_before(line, "failed"),
        })
        .fold(Tally::default(), Tally::plus)
}

/// pytest's last line: `2 failed, 82 passed, 1 error in 101.81s`.
pub(crate) fn pytest(output: &str) -> Tally {
    let is_summary = |line: &&str| {
        line.contains(" in ")
            && (line.contains(" passed") || line.contains(" failed") || line.contains(" error"))
    };
    let line = output
        .lines()
        .rfind(is_summary)
        .map(without_colours)
        .unwrap_or_default();
    Tally {
        passed: number_before(&line, "passed"),
        failed: number_before(&line, "failed") + number_before(&line, "error"),
    }
}

/// Node's test runner: `pass 5`, `fail 1`, `cancelled 0` on lines of their own.
pub(crate) fn node(output: &str) -> Tally {
    let count = |word: &str| {
        output
            .lines()
            .map(without_colours)
            .filter_map(|line| {
                let rest = line.trim_start_matches(['ℹ', '#']).trim().to_owned();
                rest.strip_prefix(word)?.trim().parse::<u64>().ok()
            })
            .sum::<u64>()
    };
    Tally {
        passed: count("pass "),
        failed: count("fail ") + count("cancelled "),
    }
}

fn number_before(line: &str, word: &str) -> u64 {
    let pattern = format!(r"(\d+) {word}\b");
    Regex::new(&pattern)
        .ok()
        .and_then(|number| number.captures(line)?[1].parse().ok())
        .unwrap_or(0)
}

fn without_colours(line: &str) -> String {
    Regex::new("\u{1b}\\[[0-9;]*m").map_or_else(
        |_| line.to_owned(),
        |colour| colour.replace_all(line, "").into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_runners() {
        let tally = |passed, failed| Tally { passed, failed };
        for (read, output, expected) in [
            (
                nextest as fn(&str) -> Tally,
                "x\n Summary [   0.1s] 3 tests run: 3 passed, 0 skipped\n",
                tally(3, 0),
            ),
            (
                nextest,
                " Summary [ 9s] 9 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 4 skipped",
                tally(6, 3),
            ),
            (nextest, "\u{1b}[32m Summary\u{1b}[0m", tally(0, 0)),
            (
                nextest,
                "Summary [ 1s] 2 tests run: \u{1b}[1m2\u{1b}[0m passed",
                tally(2, 0),
            ),
            (
                node,
                "✔ a (1ms)\nℹ tests 4\nℹ pass 2\nℹ fail 1\nℹ cancelled 1\nℹ duration_ms 8",
                tally(2, 2),
            ),
            (
                pytest,
                "..F\n2 failed, 82 passed, 1 error in 101.81s (0:01:41)",
                tally(82, 3),
            ),
            (
                cargo_test,
                "test result: ok. 3 passed; 0 failed; 0 ignored\ntest result: FAILED. 1 passed; 2 failed; 0 ignored",
                tally(4, 2),
            ),
        ] {
            assert_eq!(read(output), expected, "{output}");
        }
    }
}
