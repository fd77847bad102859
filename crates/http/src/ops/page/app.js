"use strict";
// The page asks the endpoints under api/admin/redis and shows what they answer. Texts go in as text, never
// as HTML, so that no name of a key can become a part of the page.
(() => {
  const API = "../api/admin/redis/";
  const SPAN = 300; // seconds that the charts show
  const SLOW_ROUND = 10000; // milliseconds between looks at what changes slowly
  const $ = (id) => document.getElementById(id);
  const state = { token: sessionStorage.getItem("token"), stream: null, round: 0, points: [], grade: null, charts: {}, asked: null };

  // --- small pieces -------------------------------------------------------------------------------
  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const known = (told) => (told && told.answer === "known" ? told.value : null);
  const reason = { notAllowed: "not allowed here", notOffered: "not offered here", noAnswer: "no answer", notAsked: "not asked yet" };
  const percent = (share) => (share === null || share === undefined ? "–" : (share * 100).toFixed(1) + " %");
  const millis = (ms) => (ms === null || ms === undefined ? "–" : ms < 10 ? ms.toFixed(2) + " ms" : ms.toFixed(0) + " ms");
  const bytes = (count) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (count >= 1024 && unit < units.length - 1) { count /= 1024; unit += 1; }
    return (unit ? count.toFixed(1) : count) + " " + units[unit];
  };
  const span = (seconds) => (seconds >= 172800 ? (seconds / 86400).toFixed(1) + " days" : seconds >= 7200 ? (seconds / 3600).toFixed(1) + " h" : seconds >= 120 ? (seconds / 60).toFixed(0) + " min" : seconds.toFixed(0) + " s");
  const time = (moment) => new Date(moment).toLocaleTimeString();
  const number = (count) => count.toLocaleString("en");

  // Fills a table; columns are [title, value of a row, whether it is a number].
  const fill = (id, columns, rows, empty) => {
    const table = $(id);
    const caption = table.caption;
    const head = element("tr");
    for (const [title, , isNumber] of columns) {
      const cell = element("th", title, isNumber ? "number" : "");
      cell.scope = "col";
      head.append(cell);
    }
    const thead = element("thead");
    thead.append(head);
    const tbody = element("tbody");
    for (const row of rows) {
      const line = element("tr");
      for (const [, value, isNumber] of columns) line.append(element("td", value(row), isNumber ? "number" : ""));
      tbody.append(line);
    }
    if (rows.length === 0) {
      const line = element("tr");
      const cell = element("td", empty, "empty");
      cell.colSpan = columns.length;
      line.append(cell);
      tbody.append(line);
    }
    table.replaceChildren(caption, thead, tbody);
  };

  // --- asking -------------------------------------------------------------------------------------
  class Refused extends Error {}
  const ask = async (path, options = {}) => {
    const headers = { Authorization: "Bearer " + state.token };
    const answer = await fetch(API + path, { ...options, headers, cache: "no-store", credentials: "omit" });
    if (answer.status === 401) throw new Refused("The token is not right.");
    return answer;
  };
  const json = async (path, options) => {
    const answer = await ask(path, options);
    const body = await answer.json();
    if (!answer.ok && body.error) throw Object.assign(new Error(body.error.message), { code: body.error.code });
    return body;
  };

  // --- charts -------------------------------------------------------------------------------------
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const chart = (id, series, value) => {
    const place = $(id);
    const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
    const lines = series.map(([label, name, dash]) => ({ label, stroke: color(name), width: 2, dash, value: (_, shown) => (shown === null || shown === undefined ? "–" : value(shown)), spanGaps: true }));
    const size = { width: Math.max(place.clientWidth, 200), height: 180 };
    return new uPlot({ ...size, cursor: { y: false }, series: [{ label: "time" }, ...lines], axes: [axis, { ...axis, size: 64, values: (_, ticks) => ticks.map(value) }] }, [[], ...series.map(() => [])], place);
  };
  const makeCharts = () => {
    for (const made of Object.values(state.charts)) made.destroy();
    state.charts = {
      latency: chart("latency-chart", [["PING", "--accent"], ["process p95", "--warn", [6, 3]], ["server p99", "--good", [2, 3]]], millis),
      hits: chart("hits-chart", [["server", "--accent"], ["caches here", "--good", [6, 3]]], (share) => (share * 100).toFixed(0) + " %"),
    };
    draw();
  };
  const draw = () => {
    const column = (name) => state.points.map((point) => point[name]);
    const at = column("at");
    if (state.charts.latency) state.charts.latency.setData([at, column("ping"), column("p95"), column("server")]);
    if (state.charts.hits) state.charts.hits.setData([at, column("serverHits"), column("cacheHits")]);
  };
  const resize = () => {
    for (const [name, made] of Object.entries(state.charts)) {
      made.setSize({ width: Math.max($(name + "-chart").clientWidth, 200), height: 180 });
    }
  };

  // --- showing ------------------------------------------------------------------------------------
  const showHealth = (health, cause) => {
    const status = $("status");
    status.textContent = health.status;
    status.className = health.status;
    $("score").textContent = "score " + health.score + " of 100";
    $("grade").textContent = "grade " + health.grade;
    $("cause").textContent = cause || "";
    $("cause").hidden = !cause;
    const told = health.status + ", grade " + health.grade + ", " + health.issues.length + " reasons";
    // Said once when it changes, and not every second.
    if (told !== state.grade) $("announce").textContent = health.issues.length ? "Points are taken off for:" : "Nothing is wrong.";
    state.grade = told;
    $("issues").replaceChildren(...health.issues.map((issue) => {
      const line = element("li", null, issue.severity);
      line.append(element("strong", issue.severity + ": "), element("span", issue.message + " "), element("span", "(−" + issue.weight + ", rule " + issue.rule + ")", "weight"), element("div", issue.remedy));
      return line;
    }));
  };

  const showFigures = (snapshot) => {
    const { server, connection, client } = snapshot;
    const slow = known(snapshot.slowCalls);
    const figures = [
      ["PING", millis(snapshot.health.latencyMs)],
      ["Server p99", known(snapshot.serverLatency) ? millis(known(snapshot.serverLatency).all.p99Ms) : reason[snapshot.serverLatency.answer]],
      ["Process p95", client ? millis(client.p95Ms) : "–"],
      ["Commands", server ? number(server.opsPerSecond) + " /s" : "–"],
      ["Memory", server ? bytes(server.memory.used) + (server.memory.limit ? " of " + bytes(server.memory.limit) : "") : "–"],
      ["Hit rate", percent(snapshot.health.hitRate)],
      ["Keys", server ? number(server.keys) : "–"],
      ["Clients", server ? number(server.clients) : "–"],
      ["Connection in use", percent(connection.utilization)],
      ["Breaker", connection.breaker],
      ["Answered by memory", client ? number(client.standbyAnswers) : "–"],
      ["Retries", client ? number(client.retries) : "–"],
      ["Slow calls in 5 min", slow === null ? reason[snapshot.slowCalls.answer] : number(slow)],
      ["Clock skew", snapshot.clockSkewSeconds === null ? "–" : snapshot.clockSkewSeconds.toFixed(2) + " s"],
      ["Certificate holds", snapshot.certificateLeftSeconds === null ? "–" : span(snapshot.certificateLeftSeconds)],
      ["Server", server ? server.version + ", " + server.role + ", up " + span(server.uptimeSeconds) : "–"],
    ];
    $("figures").replaceChildren(...figures.map(([name, value]) => {
      const pair = element("div");
      pair.append(element("dt", name), element("dd", value));
      return pair;
    }));
  };

  const showCharts = (snapshot) => {
    const reads = snapshot.caches.reduce((sum, cache) => [sum[0] + cache.l1Hits + cache.l2Hits, sum[1] + cache.misses], [0, 0]);
    const looked = reads[0] + reads[1];
    const latency = known(snapshot.serverLatency);
    const point = {
      at: Date.parse(snapshot.at) / 1000,
      ping: snapshot.health.latencyMs,
      p95: snapshot.client ? snapshot.client.p95Ms : null,
      server: latency ? latency.all.p99Ms : null,
      serverHits: snapshot.health.hitRate,
      cacheHits: looked ? reads[0] / looked : null,
    };
    state.points.push(point);
    state.points = state.points.filter((kept) => kept.at >= point.at - SPAN);
    draw();
    $("latency-text").textContent = "Now: PING " + millis(point.ping) + ", process p95 " + millis(point.p95) + ", server p99 " + millis(point.server) + ".";
    $("hits-text").textContent = "Now: server " + percent(point.serverHits) + ", caches of this process " + percent(point.cacheHits) + ".";
  };

  const showCaches = (caches) => {
    fill("caches", [
      ["Cache", (cache) => cache.name],
      ["Hit rate", (cache) => percent(cache.hitRate), true],
      ["L1 hits", (cache) => number(cache.l1Hits), true],
      ["L2 hits", (cache) => number(cache.l2Hits), true],
      ["Misses", (cache) => number(cache.misses), true],
      ["Stale", (cache) => number(cache.staleServed), true],
      ["Loads", (cache) => number(cache.loads), true],
      ["Failed", (cache) => number(cache.loadFailures), true],
      ["Errors", (cache) => number(cache.storeErrors), true],
      ["Invalidations", (cache) => number(cache.invalidations), true],
    ], caches, "No cache is in use yet.");
    const names = caches.filter((cache) => cache.forgets).map((cache) => cache.name);
    const choice = $("cache");
    if (names.join() !== [...choice.options].map((option) => option.value).join()) {
      choice.replaceChildren(...names.map((name) => element("option", name)));
    }
  };

  const showLimits = (violations, client) => {
    fill("limits", [
      ["Route", (found) => found.endpoint],
      ["Limit", (found) => found.policy],
      ["Who", (found) => found.subject],
      ["Refused", (found) => number(found.refused), true],
      ["Last", (found) => time(found.last)],
    ], violations || [], violations ? "Nobody ran into a limit." : "No limiter is shown here.");
    $("waits").textContent = client ? "Lost while held in five minutes: " + number(client.lockLosses) + ". Waited for: " + number(client.lockWaits) + " times in five minutes." : "";
  };

  const show = (snapshot) => {
    $("place").textContent = snapshot.store;
    showHealth(snapshot.health, snapshot.cause);
    showFigures(snapshot);
    showCharts(snapshot);
    showCaches(snapshot.caches);
    showLimits(snapshot.violations, snapshot.client);
    document.body.dataset.snapshots = Number(document.body.dataset.snapshots || 0) + 1;
  };

  const showCensus = (census) => {
    if (!census) {
      fill("categories", [["Category", () => ""]], [], "Not counted yet.");
      return;
    }
    $("counted").textContent = number(census.counted) + " keys of " + census.servers + (census.servers === 1 ? " server" : " servers") + (census.complete ? "" : ", a part of all") + ", at " + time(census.takenAt);
    fill("categories", [
      ["Category", (count) => count.category],
      ["Keys", (count) => number(count.keys), true],
      ["Without TTL", (count) => number(count.withoutTtl), true],
      ["Size", (count) => (known(census.biggest) ? bytes(count.bytes) : "–"), true],
    ], census.categories, "There are no keys.");
    const list = (title, told, text) => {
      const part = element("div");
      part.append(element("h3", title));
      const keys = known(told);
      if (!keys) part.append(element("p", reason[told.answer], "quiet"));
      else if (keys.length === 0) part.append(element("p", "none", "quiet"));
      else {
        const items = element("ol");
        for (const key of keys.slice(0, 5)) {
          const item = element("li");
          item.append(element("code", key.name), element("span", " " + text(key), "quiet"));
          items.append(item);
        }
        part.append(items);
      }
      return part;
    };
    const endless = { answer: "known", value: census.endlessKeys.map((name) => ({ name })) };
    $("notable").replaceChildren(
      list("Biggest", census.biggest, (key) => bytes(key.bytes)),
      list("Hottest", census.hottest, (key) => "count " + key.frequency),
      list("Never end, but should: " + number(census.endless), endless, () => ""),
    );
  };

  // What changes slowly; each part stands by itself, so that one that is not allowed hides no other.
  const lookAround = async () => {
    const part = async (id, work, columns) => {
      try { await work(); } catch (error) {
        if (error instanceof Refused) throw error;
        fill(id, [[columns, () => ""]], [], error.message);
      }
    };
    await Promise.all([
      part("slow", async () => {
        const { calls } = await json("slowlog?count=10");
        fill("slow", [
          ["When", (call) => time(call.at)],
          ["Command", (call) => call.command],
          ["Arguments", (call) => number(call.arguments), true],
          ["Took", (call) => millis(call.durationMs), true],
          ["Client", (call) => call.client],
        ], calls, "Nothing was slow.");
      }, "Slow log"),
      part("locks", async () => {
        const { keys } = await json("locks");
        fill("locks", [
          ["Lock", (lock) => lock.name],
          ["Held for at most", (lock) => (lock.ttlSeconds === null ? "ever" : span(lock.ttlSeconds)), true],
        ], keys, "No lock is held.");
      }, "Locks"),
      part("categories", async () => showCensus((await json("census")).census), "Keys"),
      part("alerts", async () => {
        const answer = await fetch("../api/health/redis-alerts", { cache: "no-store", credentials: "omit" });
        const { alerts } = await answer.json();
        fill("alerts", [
          ["Alert", (alert) => alert.alert || alert.rule],
          ["Severity", (alert) => alert.severity + (alert.phase ? ", " + alert.phase : "")],
          ["What", (alert) => alert.message],
        ], alerts, "No alert.");
      }, "Alerts"),
    ]);
  };

  // --- the live stream ----------------------------------------------------------------------------
  const say = (text) => { if ($("connection").textContent !== text) $("connection").textContent = text; };

  const follow = async (signal) => {
    const answer = await ask("live", { signal });
    if (!answer.ok) throw new Error((await answer.json()).error.message);
    $("login").hidden = true;
    if ($("main").hidden) {
      $("main").hidden = false;
      $("leave").hidden = false;
      makeCharts();
      $("main").focus();
    }
    say("Live");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let pending = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      pending += value;
      const events = pending.split("\n\n");
      pending = events.pop();
      for (const event of events) {
        const fields = Object.fromEntries(event.split("\n").map((line) => { const at = line.indexOf(": "); return [line.slice(0, at), line.slice(at + 2)]; }));
        if (fields.event === "snapshot") show(JSON.parse(fields.data));
      }
    }
  };

  const refuse = (text) => {
    sessionStorage.removeItem("token");
    state.token = null;
    stop();
    $("main").hidden = true;
    $("leave").hidden = true;
    $("login").hidden = false;
    $("refused").textContent = text;
    say("Not connected");
    $("token").focus();
  };

  const start = async () => {
    if (state.stream || !state.token || document.hidden) return;
    const stream = new AbortController();
    state.stream = stream;
    const around = async () => {
      try { await lookAround(); } catch (error) { if (error instanceof Refused) refuse(error.message); }
    };
    while (state.stream === stream) {
      try {
        const following = follow(stream.signal);
        clearInterval(state.round);
        void around();
        state.round = setInterval(around, SLOW_ROUND);
        await following;
        say("The service has ended the stream; trying again.");
      } catch (error) {
        if (stream.signal.aborted) return;
        if (error instanceof Refused) { refuse(error.message); return; }
        say("No connection to the service; trying again. " + error.message);
      }
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  };

  const stop = () => {
    clearInterval(state.round);
    if (state.stream) state.stream.abort();
    state.stream = null;
  };

  // Nothing is asked while nobody looks.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { stop(); say("Paused while nobody looks"); } else void start();
  });
  addEventListener("resize", resize);

  // --- the token and the theme --------------------------------------------------------------------
  $("login").addEventListener("submit", (event) => {
    event.preventDefault();
    state.token = $("token").value;
    $("token").value = "";
    $("refused").textContent = "";
    sessionStorage.setItem("token", state.token);
    stop();
    void start();
  });
  $("leave").addEventListener("click", () => refuse(""));

  const isDark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const showTheme = () => {
    $("theme").textContent = isDark() ? "Light" : "Dark";
    $("theme").setAttribute("aria-pressed", String(isDark()));
    $("theme").setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
    if (state.charts.latency) makeCharts();
  };
  $("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
    showTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme");

  // --- counting and forgetting --------------------------------------------------------------------
  $("count").addEventListener("click", async () => {
    $("count").disabled = true;
    $("counted").textContent = "Counting…";
    try { showCensus((await json("census", { method: "POST" })).census); } catch (error) { $("counted").textContent = error.message; }
    $("count").disabled = false;
  });

  const by = () => new FormData($("forget")).get("by");
  const query = (extra) => {
    const asked = by() === "pattern" ? { pattern: $("what").value } : { cache: $("cache").value, [by()]: $("what").value };
    return "cache?" + new URLSearchParams({ ...asked, ...extra });
  };
  const unsure = () => { $("do").disabled = true; $("confirm-field").hidden = true; $("confirm").value = ""; state.asked = null; };
  $("forget").addEventListener("input", (event) => {
    if (event.target.id === "confirm") return;
    $("cache-field").hidden = by() === "pattern";
    $("what-label").textContent = { pattern: "Pattern", id: "Key", tag: "Tag" }[by()];
    $("what").placeholder = { pattern: "user:*", id: "42", tag: "NSW" }[by()];
    unsure();
    $("outcome").replaceChildren();
  });
  $("forget").addEventListener("submit", async (event) => {
    event.preventDefault();
    unsure();
    const outcome = $("outcome");
    try {
      const found = await json(query({ dryRun: "true" }), { method: "DELETE" });
      if (by() === "pattern") {
        outcome.replaceChildren(element("p", number(found.matched) + (found.matched === 1 ? " entry matches " : " entries match ") + found.pattern + "."));
        if (found.examples) {
          const list = element("ul");
          for (const name of found.examples) { const item = element("li"); item.append(element("code", name)); list.append(item); }
          outcome.append(list);
        }
      } else {
        outcome.replaceChildren(element("p", (by() === "tag" ? "All entries with this tag" : "This entry") + " of the cache " + found.cache + " will be loaded anew."));
      }
      state.asked = query({});
      $("do").disabled = false;
    } catch (error) { outcome.replaceChildren(element("p", error.message, "problem")); }
  });
  $("do").addEventListener("click", async () => {
    // What was previewed is done, and nothing that was typed since.
    if (!state.asked) return;
    const outcome = $("outcome");
    const confirm = $("confirm").value;
    $("do").disabled = true;
    try {
      const done = await json(state.asked + (confirm ? "&" + new URLSearchParams({ confirm }) : ""), { method: "DELETE" });
      unsure();
      outcome.replaceChildren(element("p", done.deleted === undefined ? (done.published ? "Done: every process forgets it." : "Done in this process; no other one has been told.") : "Done: " + number(done.deleted) + " removed."));
    } catch (error) {
      outcome.replaceChildren(element("p", error.message, "problem"));
      if (error.code === "CONFIRMATION_REQUIRED") {
        $("confirm-field").hidden = false;
        $("confirm-word").textContent = (error.message.match(/confirm=(\S+)/) || ["", ""])[1];
        $("confirm").focus();
        $("do").disabled = false;
      }
    }
  });

  showTheme();
  if (state.token) void start(); else $("token").focus();
})();
