//! The ceremony of a draw over HTTP (D2, D3, D5): witnesses with their telephones, dice and drand rounds,
//! the big screen, minutes and attachments, void draws.

mod hall;
mod last_source;
#[path = "../draws/office.rs"]
mod office;
mod void;
mod witnesses;

use std::io::Cursor;

use office::{NOW, Office, Person};
use serde_json::{Value, json};

async fn locked_plan(planner: &Person, supervisor: &Person) -> String {
    let form = json!({ "title": "食品销售随机抽查", "department": "market",
        "items": ["item-1", "item-2"], "from": "2026-01-01", "until": "2026-11-30", "team": 2,
        "scope": { "districts": [], "industries": ["F"], "q": "" },
        "cells": [
            { "risk_classes": ["A"], "ratio_ppm": 100_000, "number": null, "reserves": 3 },
            { "risk_classes": ["B"], "ratio_ppm": null, "number": 6, "reserves": 2 },
        ] });
    let plan = planner.post("/api/plans", form).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (person, act) in [
        (planner, "submit"),
        (supervisor, "approve"),
        (supervisor, "lock"),
    ] {
        person
            .post(&format!("/api/plans/{plan}/{act}"), json!({}))
            .await;
    }
    plan
}

/// Who takes part.
pub struct Cast {
    pub office: Office,
    pub officer: Person,
    pub supervisor: Person,
    pub stranger: Person,
    pub plan: String,
}

impl Cast {
    pub async fn enter(office: Office) -> Self {
        let admin = office.administrator().await;
        let planner = office.with_roles(&admin, "planner", &["planner"]).await;
        let supervisor = office
            .with_roles(&admin, "supervisor", &["supervisor"])
            .await;
        let officer = office
            .with_roles(&admin, "officer", &["draw_officer"])
            .await;
        Self {
            plan: locked_plan(&planner, &supervisor).await,
            stranger: office.person(),
            office,
            officer,
            supervisor,
        }
    }

    /// A draw with dice last.
    pub async fn with_dice(&self) -> Draw {
        self.define(json!({ "sides": 6, "rolls": 25, "ceremony_at": NOW }))
            .await
    }

    pub async fn define(&self, more: Value) -> Draw {
        let mut form =
            json!({ "plan": self.plan, "title": "食品销售随机抽查", "public_from": "draw" });
        form.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let view = self.officer.post("/api/draws", form).await;
        Draw {
            id: view["id"].as_str().unwrap().to_owned(),
        }
    }

    /// Checks the lists and commits; the commitment.
    pub async fn commit(&self, draw: &Draw) -> String {
        self.officer.post(&draw.at("/check"), json!({})).await;
        let view = self.officer.post(&draw.at("/commit"), json!({})).await;
        view["commitment"].as_str().unwrap().to_owned()
    }

    /// The transcript as a stranger downloads and verifies it.
    pub async fn verified(&self, draw: &Draw) -> draw::Summary {
        let zip = format!("/api/public/draws/{}/transcript.zip", draw.id);
        let bytes = self.stranger.bytes(&zip).await;
        let files = draw::read_zip(Cursor::new(&bytes), 1 << 30).unwrap();
        draw::verify(&files.transcript().unwrap()).unwrap()
    }
}

impl Cast {
    /// The seed that a stranger computes from the transcript.
    pub async fn seed(&self, draw: &Draw) -> String {
        self.verified(draw).await.chance.unwrap().seed
    }
}

/// A draw by its id.
pub struct Draw {
    pub id: String,
}

impl Draw {
    pub fn at(&self, act: &str) -> String {
        format!("/api/draws/{}{act}", self.id)
    }

    pub fn public(&self, act: &str) -> String {
        format!("/api/public/draws/{}{act}", self.id)
    }
}
