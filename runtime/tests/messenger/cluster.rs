//! A real Ceph of one monitor and one OSD, from the packages of the distribution.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::node::free_port;

/// The daemons, which end with it.
pub(crate) struct Cluster {
    dir: PathBuf,
    monitor: SocketAddr,
    is_cephx: bool,
    mon: Option<Child>,
    osd: Option<Child>,
}

impl Cluster {
    /// Starts one, unless there is no Ceph here.
    pub(crate) fn start(auth: &str) -> Option<Cluster> {
        if Command::new("ceph-mon").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("skipped: there is no ceph-mon");
            return None;
        }
        let monitor = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let dir = std::env::temp_dir().join(format!("firefly-{}-{}", std::process::id(), monitor.port()));
        fs::create_dir_all(dir.join("osd")).unwrap();
        let mut cluster = Cluster { dir, monitor, is_cephx: auth == "cephx", mon: None, osd: None };
        cluster.configure(auth);
        cluster.start_mon();
        let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
        cluster.ceph(&["osd", "new", uuid.trim(), "0"]);
        cluster.run("ceph-osd", &["-i", "0", "--mkfs", "--osd-uuid", uuid.trim()]);
        cluster.start_osd();
        Some(cluster)
    }

    fn configure(&self, auth: &str) {
        let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
        let (fsid, monitor, dir) = (uuid.trim(), self.monitor, self.dir.display());
        let text = format!(
            "[global]
fsid = {fsid}
mon host = v1:{monitor}
ms bind msgr2 = false
auth cluster required = {auth}
auth service required = {auth}
auth client required = {auth}
auth allow insecure global id reclaim = true
mon allow pool size one = true
mon warn on pool no redundancy = false
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 1073741824
keyring = {dir}/keyring
run dir = {dir}
admin socket = {dir}/$name.asok
log file = {dir}/$name.log
mon data = {dir}/mon
osd data = {dir}/osd
public addr = 127.0.0.1
cluster addr = 127.0.0.1
mon data avail warn = 1
mon data avail crit = 1
setuser match path =
"
        );
        fs::write(self.path("ceph.conf"), text).unwrap();
        let keyring = self.path("keyring");
        let keyring = keyring.to_str().unwrap();
        let keys: [&[&str]; 3] = [
            &["--create-keyring", "-n", "mon.", "--cap", "mon", "allow *"],
            &["-n", "client.admin", "--cap", "mon", "allow *", "--cap", "osd", "allow *"],
            &["-n", "osd.0", "--cap", "mon", "allow profile osd", "--cap", "osd", "allow *"],
        ];
        for args in keys {
            quietly(Command::new("ceph-authtool").arg(keyring).arg("--gen-key").args(args));
        }
        let monmap = self.path("monmap");
        let addr = format!("[v1:{monitor}]");
        quietly(Command::new("monmaptool").args(["--create", "--fsid", fsid, "--addv", "a", &addr]).arg(&monmap));
        self.run("ceph-mon", &["-i", "a", "--mkfs", "--monmap", monmap.to_str().unwrap(), "--keyring", keyring]);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn monitor(&self) -> SocketAddr {
        self.monitor
    }

    /// Holds the key of client.admin, if one is needed.
    pub(crate) fn keyring(&self) -> Option<PathBuf> {
        self.is_cephx.then(|| self.path("keyring"))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-c").arg(self.path("ceph.conf"));
        command
    }

    fn run(&self, program: &str, args: &[&str]) {
        quietly(self.command(program).args(args));
    }

    fn daemon(&self, program: &str, id: &str) -> Child {
        let mut command = self.command(program);
        command.args(["-f", "-i", id]).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Runs Ceph's own tool, until it succeeds.
    pub(crate) fn ceph(&self, args: &[&str]) -> String {
        let begin = Instant::now();
        loop {
            let output =
                Command::new("timeout").arg("10").arg("ceph").arg("-c").arg(self.path("ceph.conf")).args(args).output();
            let output = output.unwrap();
            if output.status.success() {
                return String::from_utf8_lossy(&output.stdout).into_owned();
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn start_mon(&mut self) {
        self.mon = Some(self.daemon("ceph-mon", "a"));
        self.ceph(&["status"]);
    }

    pub(crate) fn stop_mon(&mut self) {
        end(self.mon.take());
    }

    /// Starts the OSD and waits until the map says so.
    pub(crate) fn start_osd(&mut self) {
        let begin = Instant::now();
        while !self.ceph(&["osd", "stat"]).contains("1 up") {
            // It gives up when it is quicker than its monitor map.
            if self.osd.as_mut().is_none_or(|osd| osd.try_wait().unwrap().is_some()) {
                self.osd = Some(self.daemon("ceph-osd", "0"));
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "the OSD does not come up");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Changes an option of the OSD while it runs.
    pub(crate) fn configure_osd(&self, option: &str, value: &str) {
        let socket = self.path("osd.0.asok");
        self.ceph(&["--admin-daemon", socket.to_str().unwrap(), "config", "set", option, value]);
    }

    pub(crate) fn stop_osd(&mut self) {
        end(self.osd.take());
        self.ceph(&["osd", "down", "0"]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        end(self.osd.take());
        end(self.mon.take());
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(Path::new(&self.dir));
        }
    }
}

fn end(daemon: Option<Child>) {
    if let Some(mut daemon) = daemon {
        // Told to end, an OSD keeps what it holds in memory.
        let _ = Command::new("kill").arg(daemon.id().to_string()).status();
        let _ = daemon.wait();
    }
}

fn quietly(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
