//! The accelerators of this machine, by NVIDIA's management library where it is installed.

use std::fmt;
use std::sync::{Arc, OnceLock};

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;
use plimsoll_core::time::Offset;
use plimsoll_core::watch::{Canonical, Sample, Source};

/// The accelerators of this machine.
pub struct Gpus {
    nvml: Nvml,
    count: u32,
    /// What each had drawn when it was first read, millijoules.
    first: Vec<OnceLock<u64>>,
}

impl fmt::Debug for Gpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} GPUs", self.count)
    }
}

impl Gpus {
    /// Those that are there; nothing without a driver, without its library, and without accelerators.
    pub fn find() -> Option<Gpus> {
        let nvml = Nvml::init().ok()?;
        let count = nvml.device_count().ok().filter(|&count| count > 0)?;
        let first = (0..count).map(|_| OnceLock::new()).collect();
        Some(Gpus { nvml, count, first })
    }

    /// Reads what each of them tells; not every model tells everything.
    ///
    /// # Errors
    /// The driver tells nothing at all.
    pub(super) fn read(&self, target: usize, at: Offset) -> Result<Vec<Sample>, String> {
        let mut samples = Vec::new();
        let mut failure = None;
        for number in 0..self.count {
            let instance: Arc<str> = number.to_string().into();
            let sample = |(metric, value)| Sample {
                at,
                target,
                source: Source::Nvml,
                metric,
                instance: Arc::clone(&instance),
                value,
                events: None,
            };
            match self.values(number) {
                Ok(values) => samples.extend(values.into_iter().map(sample)),
                Err(error) => failure = Some(error.to_string()),
            }
        }
        match failure {
            Some(failure) if samples.is_empty() => Err(failure),
            _ => Ok(samples),
        }
    }

    fn values(&self, number: u32) -> Result<Vec<(Canonical, f64)>, NvmlError> {
        let device = self.nvml.device_by_index(number)?;
        let mut values = Vec::new();
        if let Ok(rates) = device.utilization_rates() {
            values.push((Canonical::GpuUtilization, f64::from(rates.gpu) / 100.0));
        }
        if let Ok(memory) = device.memory_info() {
            values.push((Canonical::GpuMemoryUsed, memory.used as f64));
            if memory.total > 0 {
                values.push((Canonical::GpuMemoryUsage, memory.used as f64 / memory.total as f64));
            }
        }
        if let Ok(milliwatts) = device.power_usage() {
            values.push((Canonical::GpuPower, f64::from(milliwatts) / 1e3));
        }
        if let (Ok(millijoules), Some(first)) =
            (device.total_energy_consumption(), self.first.get(number as usize))
        {
            let first = *first.get_or_init(|| millijoules);
            values.push((Canonical::GpuEnergy, millijoules.saturating_sub(first) as f64 / 1e3));
        }
        if let Ok(degrees) = device.temperature(TemperatureSensor::Gpu) {
            values.push((Canonical::GpuTemperature, f64::from(degrees)));
        }
        Ok(values)
    }
}
