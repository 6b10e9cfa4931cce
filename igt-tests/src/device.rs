// SPDX-License-Identifier: MIT

//! Selection of the DRM device under test.
//!
//! Filters come from `--device`, else from `IGT_DEVICE`, separated by `;`:
//! `drm:/dev/dri/card0`, `sys:/sys/devices/…`, or `pci:` with `vendor=`, `device=`, `slot=` and
//! `card=N`, the N-th that matches. `IGT_FORCE_DRIVER` names the DRM driver.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::{drm, sysfs};

static FILTERS: OnceLock<Vec<Filter>> = OnceLock::new();

#[derive(Clone, Debug, PartialEq, Eq)]
enum Filter {
    Drm(PathBuf),
    Sys(PathBuf),
    Pci(PciFilter),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct PciFilter {
    vendor: Option<u64>,
    device: Option<u64>,
    slot: Option<String>,
    card: usize,
}

impl Filter {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("device filter {text:?} is invalid");
        match text.split_once(':').ok_or_else(wrong)? {
            ("drm", path) => Ok(Self::Drm(path.into())),
            ("sys", path) => Ok(Self::Sys(path.into())),
            ("pci", fields) => PciFilter::parse(fields).map(Self::Pci).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }

    /// The devices of `all` that match.
    fn select(&self, all: &[DrmDevice]) -> Vec<DrmDevice> {
        let pass = |pass: &dyn Fn(&DrmDevice) -> bool| -> Vec<DrmDevice> {
            all.iter().filter(|device| pass(device)).cloned().collect()
        };
        match self {
            Self::Drm(path) => pass(&|device| device.has_node(path)),
            Self::Sys(path) => {
                pass(&|device| fs::canonicalize(path).is_ok_and(|p| p == device.parent))
            }
            Self::Pci(pci) => {
                let matching = pass(&|device| pci.matches(device));
                matching.into_iter().skip(pci.card).take(1).collect()
            }
        }
    }
}

impl PciFilter {
    fn parse(fields: &str) -> Option<Self> {
        let mut filter = Self::default();
        for field in fields.split(',').filter(|field| !field.is_empty()) {
            let hexadecimal = |value: &str| {
                u64::from_str_radix(value.strip_prefix("0x").unwrap_or(value), 16).ok()
            };
            match field.split_once('=')? {
                ("vendor", value) => filter.vendor = Some(hexadecimal(value)?),
                ("device", value) => filter.device = Some(hexadecimal(value)?),
                ("slot", value) => filter.slot = Some(value.to_owned()),
                ("card", value) => filter.card = value.parse().ok()?,
                _ => return None,
            }
        }
        Some(filter)
    }

    fn matches(&self, device: &DrmDevice) -> bool {
        let is = |wanted: Option<u64>, attribute: &str| {
            let found = || sysfs::read_number(device.parent.join(attribute)).ok();
            wanted.is_none() || wanted == found()
        };
        let slot = device.parent.file_name().map(|name| name.to_string_lossy());
        is(self.vendor, "vendor")
            && is(self.device, "device")
            && self
                .slot
                .as_ref()
                .is_none_or(|wanted| Some(wanted.as_str()) == slot.as_deref())
    }
}

/// A DRM device with the nodes through which it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrmDevice {
    /// Node for displays and for rendering, `/dev/dri/cardN`.
    pub primary: PathBuf,
    /// Node for rendering alone, `/dev/dri/renderDN`.
    pub render: Option<PathBuf>,
    /// The hardware's folder in sysfs.
    pub parent: PathBuf,
}

impl DrmDevice {
    /// All DRM devices of the machine, by their number.
    pub fn all() -> Vec<Self> {
        Self::all_in(Path::new("/sys/class/drm"))
    }

    /// The first DRM device of this driver, whatever the user has selected.
    pub fn of_driver(driver: &str) -> Option<Self> {
        Self::all().into_iter().find(|device| device.is_of(driver))
    }

    /// Whether this is a device of this driver.
    fn is_of(&self, driver: &str) -> bool {
        open(&self.primary)
            .map_err(|error| error.to_string())
            .and_then(|file| drm::version(&file).map_err(|error| error.to_string()))
            .inspect_err(|error| log::debug!("{}: {error}", self.primary.display()))
            .is_ok_and(|version| version.name == driver)
    }

    fn all_in(class: &Path) -> Vec<Self> {
        let mut numbers: Vec<u32> = sysfs::names(class)
            .iter()
            .filter_map(|name| name.strip_prefix("card")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        let device = |number| {
            let name = format!("card{number}");
            let parent = fs::canonicalize(class.join(&name).join("device")).ok()?;
            let nodes = sysfs::names(parent.join("drm"));
            let render = nodes.iter().find(|name| name.starts_with("renderD"));
            Some(Self {
                primary: node(&name),
                render: render.map(|name| node(name)),
                parent,
            })
        };
        numbers.into_iter().filter_map(device).collect()
    }

    fn has_node(&self, path: &Path) -> bool {
        self.primary == path || self.render.as_deref() == Some(path)
    }
}

fn node(name: &str) -> PathBuf {
    Path::new("/dev/dri").join(name)
}

/// Opens a device node for reading and writing.
///
/// # Errors
///
/// If it cannot be opened.
pub fn open(node: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(node)
}

/// Parses the filters of the command line, or else of the environment.
pub(crate) fn set_filters(arguments: &[String]) -> Result<(), String> {
    let from_environment = std::env::var("IGT_DEVICE").unwrap_or_default();
    let texts = match arguments {
        [] => from_environment.as_str(),
        _ => &arguments.join(";"),
    };
    let filters = texts
        .split(';')
        .filter(|text| !text.is_empty())
        .map(Filter::parse);
    let filters = filters.collect::<Result<Vec<_>, _>>()?;
    log::debug!("device filters: {filters:?}");
    // Set once per process; later calls, in unit tests, change nothing.
    let _ = FILTERS.set(filters);
    Ok(())
}

/// The DRM device under test: the first that matches the filters and belongs to the driver that
/// `IGT_FORCE_DRIVER` names, or else to `driver`. Skips if there is none.
pub fn require(driver: &str) -> DrmDevice {
    let forced = std::env::var("IGT_FORCE_DRIVER").ok();
    let driver = forced.as_deref().unwrap_or(driver);
    let all = DrmDevice::all();
    let selected = match FILTERS.get().map(Vec::as_slice) {
        None | Some([]) => all,
        Some(filters) => filters
            .iter()
            .flat_map(|filter| filter.select(&all))
            .collect(),
    };
    match selected.into_iter().find(|device| device.is_of(driver)) {
        Some(device) => device,
        None => crate::skip!("No DRM device of driver {driver}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A sysfs with card1 (no render node) and card10 (renderD128).
    fn machine() -> (tempfile::TempDir, Vec<DrmDevice>) {
        let root = tempfile::tempdir().unwrap();
        let class = root.path().join("class");
        fs::create_dir(&class).unwrap();
        for (card, slot, device, render) in [
            ("card1", "0000:01:00.0", "0x2204\n", None),
            ("card10", "0000:02:00.0", "0x2206\n", Some("renderD128")),
        ] {
            let parent = root.path().join(slot);
            fs::create_dir_all(parent.join("drm").join(card)).unwrap();
            if let Some(render) = render {
                fs::create_dir(parent.join("drm").join(render)).unwrap();
            }
            fs::write(parent.join("vendor"), "0x10de\n").unwrap();
            fs::write(parent.join("device"), device).unwrap();
            symlink("../..", parent.join("drm").join(card).join("device")).unwrap();
            symlink(parent.join("drm").join(card), class.join(card)).unwrap();
        }
        fs::create_dir(class.join("card10-HDMI-A-1")).unwrap();
        let devices = DrmDevice::all_in(&class);
        (root, devices)
    }

    fn select(filter: &str, devices: &[DrmDevice]) -> Vec<String> {
        let selected = Filter::parse(filter).unwrap().select(devices);
        selected
            .iter()
            .map(|device| device.primary.display().to_string())
            .collect()
    }

    #[test]
    fn devices_are_found_by_number() {
        let (_root, devices) = machine();
        assert_eq!(devices.len(), 2);
        assert_eq!(devices[0].render, None);
        assert_eq!(devices[1].render, Some("/dev/dri/renderD128".into()));
    }

    #[test]
    fn filters_select() {
        let (_root, devices) = machine();
        let (first, second) = ("/dev/dri/card1", "/dev/dri/card10");
        assert_eq!(select("drm:/dev/dri/card10", &devices), [second]);
        assert_eq!(select("drm:/dev/dri/renderD128", &devices), [second]);
        assert_eq!(select("pci:vendor=10de", &devices), [first]);
        assert_eq!(select("pci:vendor=10de,card=1", &devices), [second]);
        assert_eq!(select("pci:device=0x2206", &devices), [second]);
        assert_eq!(select("pci:slot=0000:01:00.0", &devices), [first]);
        assert_eq!(select("pci:vendor=8086", &devices), [""; 0]);
        let sys = format!("sys:{}", devices[1].parent.display());
        assert_eq!(select(&sys, &devices), [second]);
    }

    #[test]
    fn wrong_filters_are_refused() {
        for filter in [
            "card0",
            "usb:1",
            "pci:vendor",
            "pci:vendor=x",
            "pci:colour=red",
        ] {
            assert!(Filter::parse(filter).is_err(), "{filter}");
        }
    }
}
