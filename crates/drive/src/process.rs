//! What a process of this machine holds: its memory and its open files, from `/proc` (man 5 proc).

use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// A process that is watched. It is the one that had its number when the watch began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pid: NonZeroU32,
    folder: PathBuf,
    /// When it started, in the kernel's ticks: another process with the same number has another.
    started: String,
}

impl Process {
    /// The process with this number.
    ///
    /// # Errors
    /// There is none, or it may not be looked at.
    pub fn find(pid: NonZeroU32) -> io::Result<Process> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let started = start_of(&fs::read_to_string(folder.join("stat"))?)
            .ok_or_else(|| io::Error::other("its state cannot be read"))?;
        Ok(Process { pid, folder, started })
    }

    /// Its number.
    pub fn pid(&self) -> NonZeroU32 {
        self.pid
    }

    /// Whether it is still there.
    pub fn lives(&self) -> bool {
        let stat = fs::read_to_string(self.folder.join("stat")).ok();
        stat.and_then(|stat| start_of(&stat)).is_some_and(|started| started == self.started)
    }

    /// Its resident memory, bytes; nothing once it has ended.
    pub fn resident_bytes(&self) -> Option<u64> {
        self.lives().then_some(())?;
        resident(&fs::read_to_string(self.folder.join("status")).ok()?)
    }

    /// Processor time that it has used, seconds; nothing once it has ended.
    pub fn cpu_seconds(&self) -> Option<f64> {
        let stat = fs::read_to_string(self.folder.join("stat")).ok()?;
        // SAFETY: a plain library call without arguments that could be wrong.
        let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        (start_of(&stat).as_ref() == Some(&self.started)).then_some(())?;
        Some(ticks_used(&stat)? as f64 / per_second.max(1) as f64)
    }

    /// How many files and sockets it has open; nothing once it has ended, or if it is another user's.
    pub fn open_files(&self) -> Option<u64> {
        self.lives().then_some(())?;
        Some(fs::read_dir(self.folder.join("fd")).ok()?.count() as u64)
    }

    /// The most files that it may have open.
    pub fn open_files_max(&self) -> Option<u64> {
        files_max(&fs::read_to_string(self.folder.join("limits")).ok()?)
    }

    /// The memory that it may use: that of its control group, or that of the machine.
    pub fn memory_max(&self) -> Option<u64> {
        let machine = memory_total(&fs::read_to_string("/proc/meminfo").ok()?);
        let group = fs::read_to_string(self.folder.join("cgroup")).ok().and_then(|text| {
            let path =
                text.lines().find_map(|line| line.strip_prefix("0::"))?.trim_start_matches('/').to_owned();
            let limit = PathBuf::from("/sys/fs/cgroup").join(path).join("memory.max");
            fs::read_to_string(limit).ok()?.trim().parse().ok()
        });
        [group, machine].into_iter().flatten().min()
    }
}

/// Field 22 of `/proc/PID/stat`. The name before it may have spaces and parentheses.
fn start_of(stat: &str) -> Option<String> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

/// Fields 14 and 15 of `/proc/PID/stat`: ticks in user mode and in the kernel.
fn ticks_used(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
    fields.next()?.checked_add(fields.next()?)
}

fn resident(status: &str) -> Option<u64> {
    kilobytes(status, "VmRSS:")
}

fn memory_total(meminfo: &str) -> Option<u64> {
    kilobytes(meminfo, "MemTotal:")
}

/// A line `KEY 12 kB`, in bytes.
pub(crate) fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let number = text.lines().find_map(|line| line.strip_prefix(key))?;
    number.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn files_max(limits: &str) -> Option<u64> {
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_kernel_are_understood() {
        let stat = "42 (a (strange) name) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 987654 1000 2";
        assert_eq!(start_of(stat).as_deref(), Some("987654"));
        assert_eq!(ticks_used(stat), Some(5 + 6));
        assert_eq!(resident("Name:\tx\nVmPeak:\t  99 kB\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(resident("Name:\tkthreadd\n"), None);
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 4096                 files     \n";
        assert_eq!(files_max(limits), Some(1024));
        assert_eq!(
            files_max("Max open files            unlimited            unlimited            files"),
            None
        );
        assert_eq!(memory_total("MemTotal:        1000 kB\nMemFree: 1 kB"), Some(1_024_000));
    }

    #[test]
    fn this_process_can_be_watched_and_one_that_is_gone_cannot() {
        let own = Process::find(NonZeroU32::new(std::process::id()).unwrap()).unwrap();
        assert!(own.lives());
        assert!(own.resident_bytes().unwrap() > 100_000);
        assert!(own.open_files().unwrap() >= 3);
        assert!(own.cpu_seconds().unwrap() >= 0.0);
        assert!(own.memory_max().unwrap() > 100_000_000);
        let other = Process { started: "1".to_owned(), ..own };
        assert!(!other.lives());
        assert_eq!((other.resident_bytes(), other.open_files()), (None, None));
        assert!(Process::find(NonZeroU32::new(u32::MAX - 1).unwrap()).is_err());
    }
}
