//! The machine: threads, GPU, build tools, disk, folders.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use libloading::os::unix::Library;

use super::Check;
use super::libtorch::Libtorch;
use crate::console::size;

const MACHINE: &str = "machine";
const TOOLS: &str = "build tools";
const FOLDERS: &str = "folders";
/// libtorch's wheel, what is unpacked of it, and the build: less than this is not enough for `make setup`.
const ROOM: u64 = 4_000_000_000;

/// Threads, GPU and build tools.
pub fn checks(libtorch: &Libtorch, checks: &mut Vec<Check>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    checks.push(match std::env::var("OMP_NUM_THREADS") {
        Ok(n) => Check::ok(MACHINE, "threads", format!("{cores} cores; OMP_NUM_THREADS={n} limits libtorch")),
        Err(_) => Check::ok(
            MACHINE,
            "threads",
            format!("{cores} cores; OMP_NUM_THREADS is not set: libtorch uses all"),
        ),
    });
    checks.push(gpu(libtorch));
    tools(libtorch, checks);
}

/// A GPU is never needed, so its absence is a note.
fn gpu(libtorch: &Libtorch) -> Check {
    let driver = std::fs::read_to_string("/proc/driver/nvidia/version").ok().and_then(|text| {
        text.lines().next().map(|l| l.trim_start_matches("NVRM version:").trim().to_owned())
    });
    // SAFETY: libcuda.so.1 is the driver's own library; its initialisers only prepare its state.
    let loads = unsafe { Library::new("libcuda.so.1") }.is_ok();
    match (loads, driver) {
        (false, None) => {
            Check::note(MACHINE, "GPU", "none found (no libcuda.so.1): everything runs on the CPU")
        }
        (false, Some(driver)) => {
            Check::note(MACHINE, "GPU", format!("{driver}, but libcuda.so.1 does not load"))
        }
        (true, driver) => {
            let driver = driver
                .unwrap_or_else(|| "libcuda.so.1 loads; the driver's version is not shown here".to_owned());
            if libtorch.has_cuda {
                Check::ok(MACHINE, "GPU", format!("{driver}; libtorch has its CUDA half"))
            } else {
                let found = "libtorch here is the CPU half: set LIBTORCH to a CUDA build of the same version for --device cuda:0";
                Check::note(MACHINE, "GPU", format!("{driver}; {found}"))
            }
        }
    }
}

/// What `make setup` and the build call. Needed only as long as libtorch is not here.
fn tools(libtorch: &Libtorch, checks: &mut Vec<Check>) {
    let mut report = |name: &str, found: Option<String>, needed: bool, absent: &str, mend: &str| {
        checks.push(match found {
            Some(found) => Check::ok(TOOLS, name, found),
            None if needed => Check::missing(TOOLS, name, absent, mend),
            None => Check::note(TOOLS, name, absent),
        });
    };
    let compiler = std::env::var("CXX").ok().into_iter().chain(["c++", "g++", "clang++"].map(str::to_owned));
    let compiler =
        compiler.map(|name| (first_line(&name, &["--version"]), name)).find(|(line, _)| line.is_some());
    let compiler = compiler.and_then(|(line, name)| line.map(|line| format!("{name}: {line}")));
    report(
        "C++ compiler",
        compiler,
        false,
        "none found: the method programs cannot be built here (Debian: apt-get install g++)",
        "",
    );
    report("cargo", first_line("cargo", &["--version"]), false, "not found: nothing can be built here", "");
    report(
        "make",
        first_line("make", &["--version"]),
        false,
        "not found: the Makefile's targets cannot be run",
        "",
    );
    report(
        "python3 with pip",
        first_line("python3", &["-m", "pip", "--version"]),
        !libtorch.loads,
        "not found; make setup fetches libtorch with it",
        "install python3 and pip (Debian: apt-get install python3-pip), or set LIBTORCH to a libtorch 2.11.0",
    );
}

/// The first line a program prints, when it runs and succeeds.
fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// Disk and write permission.
pub fn folder_checks(home: &Path, checks: &mut Vec<Check>) {
    match free_bytes(home) {
        Some(free) if free < ROOM => checks.push(Check::missing(
            FOLDERS,
            "free disk",
            format!("{}; set-up, build and results need about {}", size(free), size(ROOM)),
            "free some space, for example with make clean",
        )),
        Some(free) => checks.push(Check::ok(FOLDERS, "free disk", size(free))),
        None => checks.push(Check::note(FOLDERS, "free disk", "unknown: the system does not say")),
    }
    for name in ["results", "datasets"] {
        let folder = home.join(name);
        checks.push(match write_into(&folder) {
            Ok(tried) => {
                Check::ok(FOLDERS, format!("write {name}/"), format!("{} can be written", tried.display()))
            }
            Err(error) => Check::missing(
                FOLDERS,
                format!("write {name}/"),
                error,
                format!("chown or chmod {}, or move the repository", folder.display()),
            ),
        });
    }
}

/// Writes a temporary file into the folder, or into the nearest one above it that exists.
fn write_into(folder: &Path) -> Result<PathBuf, String> {
    let existing = folder.ancestors().find(|f| f.exists()).unwrap_or(folder);
    match tempfile::tempfile_in(existing) {
        Ok(_) => Ok(existing.to_owned()),
        Err(error) => Err(format!("{} cannot be written: {error}", existing.display())),
    }
}

/// Bytes that an ordinary user may still write where `path` lies.
fn free_bytes(path: &Path) -> Option<u64> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: statvfs is plain old data; the call fills it or fails, and the path ends with a zero byte.
    unsafe {
        let mut facts = std::mem::zeroed::<libc::statvfs>();
        if libc::statvfs(path.as_ptr(), &raw mut facts) != 0 {
            return None;
        }
        Some(facts.f_bavail as u64 * facts.f_frsize as u64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn free_space_and_writing_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).unwrap() > 0);
        assert_eq!(free_bytes(&folder.path().join("missing")), None);
        assert_eq!(write_into(&folder.path().join("not/yet")).unwrap(), folder.path());
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(write_into(&file).unwrap_err().contains("cannot be written"));
    }

    #[test]
    fn programs_that_are_not_there_are_none() {
        assert_eq!(first_line("medner-no-such-program", &[]), None);
        assert!(first_line("true", &[]).is_some());
        assert_eq!(first_line("false", &[]), None);
    }
}
