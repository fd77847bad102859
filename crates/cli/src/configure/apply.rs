//! The change itself: all servers or none.

use redstart_connection::{Cmd, Error};
use redstart_monitor::{Ask, AskSettings, Told};

use super::{
    plan::{Difference, Plan, Setting},
    target::Target,
};
use crate::Failure;

/// Sets every server and reads it back; where one refuses, those before it get their old settings again.
///
/// # Errors
///
/// Fails with the server that refused, and with what became of the others.
pub(super) async fn apply(plan: &Plan) -> Result<(), Failure> {
    for (index, server) in plan.servers.iter().enumerate() {
        let Err(why) = change(server).await else { continue };
        let mut stuck = Vec::new();
        // The one that failed too: an answer that was lost says nothing of what was done.
        for changed in plan.servers[..=index].iter().rev() {
            if let Err(error) = restore(changed).await {
                stuck.push(format!("{}: {error}", changed.address));
            }
        }
        let what = format!("{} can't be set: {why}", server.address);
        return Err(if stuck.is_empty() {
            Failure::found(format!("{what}; every server has its old settings")).with_remedy(
                "let the user of this connection send CONFIG SET (+config|set), then run this again",
            )
        } else {
            Failure::found(format!("{what}; old settings could not be restored on {}", stuck.join(", ")))
                .with_remedy("run this again with --check, to see which settings stand")
        });
    }
    Ok(())
}

/// Sets what differs in one step, and reads it back.
async fn change(server: &Difference) -> Result<(), String> {
    let differing: Vec<&Setting> = server.settings.iter().filter(|setting| setting.differs()).collect();
    if differing.is_empty() {
        return Ok(());
    }
    set(&server.target, differing.iter().map(|setting| (setting.name, setting.desired.as_str())))
        .await
        .map_err(|error| error.to_string())?;
    let Ok(Told::Known(present)) = server.target.store.run(&Ask(AskSettings::default())).await else {
        return Err("it does not tell its settings any more".to_owned());
    };
    let wrong = differing.iter().find(|setting| present.get(setting.name) != Some(&setting.desired));
    match wrong {
        None => Ok(()),
        Some(Setting { name, desired, .. }) => {
            let read = present.get(*name).map_or("nothing", String::as_str);
            Err(format!("it took {name} {desired}, and answers {read} when asked"))
        }
    }
}

async fn restore(server: &Difference) -> Result<(), Error> {
    let differing = server.settings.iter().filter(|setting| setting.differs());
    set(&server.target, differing.map(|setting| (setting.name, setting.present.as_str()))).await
}

async fn set<'a>(target: &Target, settings: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), Error> {
    let cmd = settings.fold(Cmd::new("CONFIG").arg("SET"), |cmd, (name, value)| cmd.arg(name).arg(value));
    target.store.command(cmd).await.map(drop)
}

/// Has the servers write their configuration files; answers with those that can't, and why.
pub(super) async fn rewrite(plan: &Plan) -> Vec<String> {
    let mut forgetful = Vec::new();
    for server in &plan.servers {
        if let Err(error) = server.target.store.command(Cmd::new("CONFIG").arg("REWRITE")).await {
            forgetful.push(format!("{}: {error}", server.address));
        }
    }
    forgetful
}
