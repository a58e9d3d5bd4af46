//! What a server process used: scheduler run time of each thread, and resident memory.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value, json};

use crate::stats::round;

/// One look at some processes.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    threads: BTreeMap<u32, Thread>,
    /// VmRSS of all processes together in KiB.
    pub rss_kib: u64,
}

#[derive(Clone, Debug)]
struct Thread {
    name: String,
    run_ns: u64,
}

impl Sample {
    /// Looks at the processes now; one that has ended counts as nothing.
    pub fn take(pids: &[u32]) -> Self {
        let mut sample = Self::default();
        for pid in pids {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            sample.rss_kib += resident(&status).unwrap_or(0);
            let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
            for task in tasks.flatten() {
                let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
                let run_ns = read("schedstat").split_whitespace().next().and_then(|word| word.parse().ok());
                let (Some(run_ns), Ok(id)) = (run_ns, task.file_name().to_string_lossy().parse()) else {
                    continue;
                };
                sample.threads.insert(id, Thread { name: read("comm").trim().to_owned(), run_ns });
            }
        }
        sample
    }

    /// CPU seconds since `earlier`, of all threads together.
    pub fn cpu_since(&self, earlier: &Self) -> f64 {
        // An empty float sum is minus zero.
        self.each_since(earlier).map(|(_, seconds)| seconds).sum::<f64>() + 0.0
    }

    fn each_since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = (&'a str, f64)> {
        self.threads.iter().map(|(id, thread)| {
            let before = earlier.threads.get(id).map_or(0, |thread| thread.run_ns);
            (thread.name.as_str(), thread.run_ns.saturating_sub(before) as f64 / 1e9)
        })
    }

    /// Puts CPU, CPU per Gbit, and each thread's part of the work into a result line.
    pub fn report(&self, earlier: &Self, bytes: u64, seconds: f64, line: &mut Map<String, Value>) {
        let cpu = self.cpu_since(earlier);
        line.insert("cpu_s".into(), round(cpu));
        line.insert("cpu_percent".into(), round(cpu / seconds * 100.0));
        let gbit = bytes as f64 * 8.0 / 1e9;
        line.insert(
            "cpu_per_gbit".into(),
            if gbit > 0.0 { json!((cpu / gbit * 1e5).round() / 1e5) } else { Value::Null },
        );
        let mut threads: Vec<(&str, f64)> =
            self.each_since(earlier).filter(|(_, seconds)| *seconds > 0.0).collect();
        threads.sort_by(|a, b| b.1.total_cmp(&a.1));
        let threads =
            threads.iter().map(|(name, seconds)| json!({"name": name, "share": round(seconds / cpu)}));
        line.insert("threads".into(), threads.collect());
    }
}

/// Seconds that a core was not idle, since it came up; stolen time counts, as somebody else had the core.
pub fn core_busy(cpu: Option<usize>) -> Option<f64> {
    let name = format!("cpu{}", cpu?);
    busy_ticks(&fs::read_to_string("/proc/stat").ok()?, &name).map(|ticks| ticks as f64 / TICKS_PER_SECOND)
}

/// USER_HZ, the unit of `/proc/stat` on all architectures that matter.
const TICKS_PER_SECOND: f64 = 100.0;

fn busy_ticks(stat: &str, name: &str) -> Option<u64> {
    let line = stat.lines().find(|line| line.split_whitespace().next() == Some(name))?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).map_while(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; guest time is in user already.
    Some([0, 1, 2, 5, 6, 7].into_iter().filter_map(|field| ticks.get(field)).sum())
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_run_time_grows_with_work() {
        let pids = [std::process::id()];
        let before = Sample::take(&pids);
        assert!(before.rss_kib > 0);
        let mut after = before.clone();
        while after.cpu_since(&before) <= 0.0 {
            after = Sample::take(&pids);
        }
        let mut line = Map::new();
        after.report(&before, 1000, 1.0, &mut line);
        assert!(line["cpu_per_gbit"].as_f64().unwrap() > 0.0);
    }

    #[test]
    fn idle_and_waiting_are_not_busy() {
        let stat = "cpu  9 9 9 9\ncpu1 1 1 1 1 1 1 1 1 0 0\ncpu10 1 2 4 1000 2000 8 16 32 64 128\n";
        assert_eq!((busy_ticks(stat, "cpu10"), busy_ticks(stat, "cpu2")), (Some(63), None));
    }

    #[test]
    fn resident_size_is_found_among_other_lines() {
        assert_eq!(resident("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t    1234 kB\n"), Some(1234));
    }
}
