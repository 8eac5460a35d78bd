//! Peak memory of this process.

/// The highest resident set size so far, in MiB; 0 where the system does not tell.
pub fn peak_mib() -> f64 {
    own_peak_mib().unwrap_or_else(peak_mib_of_usage)
}

/// Linux says what this program itself has come to. (`getrusage` carries the peak of the process that started it across `exec`.)
fn own_peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

fn peak_mib_of_usage() -> f64 {
    // SAFETY: getrusage fills the zeroed struct that it is given, and nothing else.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        if libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) != 0 {
            return 0.0;
        }
        usage
    };
    let units = usage.ru_maxrss as f64;
    // Linux counts KiB, macOS bytes.
    if cfg!(target_os = "macos") { units / (1024.0 * 1024.0) } else { units / 1024.0 }
}

#[cfg(test)]
mod tests {
    #[test]
    fn grows_with_use() {
        let before = super::peak_mib();
        assert!(before > 1.0);
        let block = vec![1_u8; 256 << 20];
        assert!(std::hint::black_box(&block).iter().map(|&b| u64::from(b)).sum::<u64>() > 0);
        assert!(super::peak_mib() >= before);
        assert!(super::peak_mib() > 256.0 && super::peak_mib_of_usage() > 256.0);
        #[cfg(target_os = "linux")]
        assert!(super::own_peak_mib().is_some());
    }
}
