// SPDX-License-Identifier: MIT

//! The command line of a test binary.

use clap::error::ErrorKind;
use clap::Parser;

use crate::{report, Exit};

/// The options of every test binary.
#[derive(Debug, Default, Parser)]
#[command(disable_version_flag = true, max_term_width = 100)]
pub(crate) struct Args {
    /// Print the names of the subtests; no device is opened
    #[arg(long)]
    pub(crate) list_subtests: bool,

    /// Print the subtests as lines for igt_runner's --test-list
    #[arg(long)]
    pub(crate) show_testlist: bool,

    /// Print what each subtest proves
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, require_equals = true)]
    pub(crate) describe: Option<Option<String>>,

    /// Print what this test is about
    #[arg(long)]
    pub(crate) help_description: bool,

    /// Run the subtests that match (wildmat; commas separate, ! excludes)
    #[arg(long, alias = "r", value_name = "PATTERN")]
    pub(crate) run_subtest: Option<String>,

    /// Run the dynamic subtests that match
    #[arg(long, value_name = "PATTERN")]
    pub(crate) dynamic_subtest: Option<String>,

    /// Show debug messages, of all or of one log domain
    #[arg(long, value_name = "DOMAIN", num_args = 0..=1, require_equals = true)]
    pub(crate) debug: Option<Option<String>>,

    /// Run a shell command at events (see --help-hook)
    #[arg(long, value_name = "[EVENTS:]COMMAND")]
    pub(crate) hook: Vec<String>,

    /// Explain --hook
    #[arg(long)]
    pub(crate) help_hook: bool,

    /// Test this device, for example drm:/dev/dri/card0 or pci:vendor=10de
    #[arg(long, value_name = "FILTER")]
    pub(crate) device: Vec<String>,

    /// Print the version
    #[arg(long)]
    pub(crate) version: bool,
}

impl Args {
    /// Reads the command line of this process.
    ///
    /// # Errors
    ///
    /// The exit status, after the help or the error has been printed.
    pub(crate) fn from_command_line(about: &'static str) -> Result<Self, Exit> {
        use clap::{CommandFactory, FromArgMatches};
        let matches = Self::command()
            .bin_name(report::test_name())
            .about(about)
            .try_get_matches();
        matches
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(|error| {
                // A closed stdout or stderr is not an error.
                let _ = error.print();
                match error.kind() {
                    ErrorKind::DisplayHelp => Exit::Success,
                    _ => Exit::Invalid,
                }
            })
    }
}
