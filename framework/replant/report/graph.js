"use strict";

// Draws the graph of the tables, and shows the table that is chosen by mouse or keyboard. What it
// shows of a table is copied from the list below the graph, which says the same without a script.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("canvas");
  const chosen = document.getElementById("chosen");
  if (!canvas) return;
  const byId = (name) => document.getElementById(name);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // -- elements ------------------------------------------------------------------------------

  const measure = document.createElement("canvas").getContext("2d");
  measure.font = "13px sans-serif";
  const width = (text) => Math.ceil(measure.measureText(text).width) + 24;
  // They stand apart before they are arranged: an edge between nodes that overlap cannot be drawn.
  const nodes = data.tables.map((table, place) => ({
    group: "nodes",
    position: { x: 600 * (place % 20), y: 100 * Math.floor(place / 20) },
    data: {
      id: table.id,
      label: `${table.label}\n${table.told}`,
      width: Math.max(width(table.label), width(table.told)),
      rows: table.rows,
    },
    classes: table.states.join(" "),
  }));
  const edges = data.references.map((reference, place) => ({
    group: "edges",
    data: { id: `e${place}`, source: reference.references, target: reference.table, label: reference.by },
  }));

  // -- looks ---------------------------------------------------------------------------------

  const look = () => {
    const [ink, faint, line, paper, accent] = ["--ink", "--faint", "--line", "--paper", "--accent"].map(colour);
    const curve = edges.length > 300 ? "straight" : "bezier";
    return [
      { selector: "node", style: {
        shape: "round-rectangle", label: "data(label)", width: "data(width)", height: 40,
        "text-wrap": "wrap", "text-valign": "center", "text-halign": "center", "font-size": 13,
        "min-zoomed-font-size": 5, color: ink, "border-width": 1.5, "border-color": line,
        "background-color": colour("--filled"),
      } },
      { selector: "node.shared", style: { "background-color": colour("--shared") } },
      { selector: "node.empty", style: { "background-color": colour("--empty"), color: faint } },
      { selector: "node.equal", style: { "border-color": colour("--good") } },
      { selector: "node.differs", style: { "border-color": colour("--bad"), "border-width": 4, "border-style": "dashed" } },
      { selector: "edge", style: {
        "curve-style": curve, width: 1.2, "line-color": faint, "target-arrow-color": faint,
        "target-arrow-shape": "triangle", "arrow-scale": 0.8, opacity: 0.7, color: ink,
      } },
      { selector: "edge:loop", style: {
        "curve-style": "bezier", "loop-direction": "0deg", "loop-sweep": "-60deg", "control-point-step-size": 55,
      } },
      { selector: "node.faded", style: { opacity: 0.5 } },
      { selector: "edge.faded", style: { opacity: 0.15 } },
      { selector: "edge.near", style: {
        opacity: 1, width: 2.2, "line-color": accent, "target-arrow-color": accent, label: "data(label)",
        "font-size": 11, "min-zoomed-font-size": 6, "text-background-color": paper,
        "text-background-opacity": 0.9, "text-background-padding": 2,
      } },
      { selector: "node.chosen", style: { "border-color": accent, "border-width": 4, "border-style": "solid" } },
    ];
  };

  const cy = cytoscape({
    container: canvas, elements: [...nodes, ...edges], style: look(), layout: { name: "preset" },
    minZoom: 0.02, maxZoom: 4, boxSelectionEnabled: false, autounselectify: true,
  });

  // -- places --------------------------------------------------------------------------------

  // Tables without a reference go below the others. A rank with many tables is folded into several
  // columns, so that hundreds of tables are no line that nobody can see as a whole.
  const arrange = () => {
    const joined = cy.nodes().filter((node) => node.degree(false) > 0);
    const alone = cy.nodes().difference(joined);
    joined.union(joined.edgesWith(joined)).layout({
      name: "dagre", rankDir: "LR", nodeSep: 14, rankSep: 90, fit: false, animate: false,
      ranker: joined.length > 120 ? "longest-path" : "network-simplex",
    }).run();
    fold(joined, Math.max(16, Math.ceil(1.6 * Math.sqrt(cy.nodes().length))));
    beneath(alone, joined);
    whole();
  };

  const fold = (joined, most) => {
    const ranks = new Map();
    joined.forEach((node) => {
      const rank = Math.round(node.position("x"));
      ranks.set(rank, [...(ranks.get(rank) || []), node]);
    });
    let left = 0;
    for (const [, members] of [...ranks].sort((one, other) => one[0] - other[0])) {
      members.sort((one, other) => one.position("y") - other.position("y"));
      if (joined.length <= most) {
        continue;
      }
      const columns = Math.ceil(members.length / most);
      const height = Math.ceil(members.length / columns);
      for (let column = 0; column < columns; column += 1) {
        const part = members.slice(column * height, (column + 1) * height);
        const widest = Math.max(...part.map((node) => node.data("width")));
        part.forEach((node, row) => node.position({
          x: left + widest / 2,
          y: (row - (part.length - 1) / 2) * 54 + (column % 2) * 27,
        }));
        left += widest + 24;
      }
      left += 110;
    }
  };

  const beneath = (alone, joined) => {
    const box = joined.length ? joined.boundingBox() : { x1: 0, y2: 0, w: 0 };
    const across = Math.max(box.w, 220 * Math.ceil(Math.sqrt(alone.length)));
    let [x, y] = [box.x1, box.y2 + 60];
    alone.forEach((node) => {
      const wide = node.data("width");
      if (x > box.x1 && x + wide > box.x1 + across) [x, y] = [box.x1, y + 54];
      node.position({ x: x + wide / 2, y });
      x += wide + 20;
    });
  };

  const whole = () => { cy.resize(); cy.fit(undefined, 24); if (cy.zoom() > 1.2) { cy.zoom(1.2); cy.center(); } };
  const zoom = (factor) => cy.zoom({
    level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 },
  });

  // -- the chosen table ----------------------------------------------------------------------

  const listed = (id) => byId(`table-${id}`);

  const choose = (node) => {
    cy.elements().removeClass("chosen near faded");
    const near = node.closedNeighborhood();
    cy.elements().difference(near).addClass("faded");
    near.edges().addClass("near");
    node.addClass("chosen");
    const table = listed(node.id());
    const title = document.createElement("h3");
    title.textContent = table.querySelector(".name").textContent;
    chosen.replaceChildren(title, table.querySelector(".body").cloneNode(true), differences(node.id()));
    const place = node.renderedPosition();
    if (place.x < 0 || place.y < 0 || place.x > cy.width() || place.y > cy.height()) cy.center(node);
  };

  // What differs in the table, as the section of all differences says it.
  const differences = (id) => {
    const part = document.createElement("div");
    const heading = document.querySelector(`#differences h3 a[href="#table-${id}"]`);
    if (heading) {
      const title = document.createElement("h4");
      title.textContent = document.querySelector("#differences h2").textContent;
      part.append(title, heading.parentElement.nextElementSibling.cloneNode(true));
    }
    return part;
  };

  const forget = () => {
    cy.elements().removeClass("chosen near faded");
    chosen.replaceChildren("No table is chosen.");
  };

  const current = () => cy.nodes(".chosen").first();

  // The nearest table in a direction; what lies off it counts double.
  const walk = (dx, dy) => {
    const from = current();
    if (from.empty()) { choose(cy.nodes().first()); return; }
    const here = from.position();
    const cost = (node) => {
      const [x, y] = [node.position("x") - here.x, node.position("y") - here.y];
      const ahead = x * dx + y * dy;
      return ahead > 1 ? ahead + 2 * Math.abs(x * dy) + 2 * Math.abs(y * dx) : Infinity;
    };
    const ways = cy.nodes().toArray().map((node) => [cost(node), node]).filter(([far]) => far < Infinity);
    if (ways.length) choose(ways.reduce((best, way) => (way[0] < best[0] ? way : best))[1]);
  };

  const keys = {
    ArrowRight: () => walk(1, 0), ArrowLeft: () => walk(-1, 0), ArrowUp: () => walk(0, -1), ArrowDown: () => walk(0, 1),
    "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), 0: whole, Escape: forget,
    Enter: () => { if (current().empty()) choose(cy.nodes().first()); chosen.focus(); },
  };
  canvas.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  chosen.addEventListener("keydown", (event) => { if (event.key === "Escape") canvas.focus(); });
  cy.on("tap", "node", (event) => choose(event.target));
  cy.on("tap", (event) => { if (event.target === cy) forget(); });

  // -- tools ---------------------------------------------------------------------------------

  byId("closer").addEventListener("click", () => zoom(1.3));
  byId("farther").addEventListener("click", () => zoom(1 / 1.3));
  byId("whole").addEventListener("click", whole);
  byId("find").addEventListener("change", (event) => {
    const asked = event.target.value.trim().toLowerCase();
    const names = data.tables.filter((table) => asked && table.name.toLowerCase().includes(asked));
    const best = names.find((table) => table.name.toLowerCase() === asked) || names[0];
    if (!best) return;
    if (cy.getElementById(best.id).empty()) { byId("filled").checked = false; sift(); }
    choose(cy.getElementById(best.id));
    cy.zoom(Math.max(cy.zoom(), 0.8));
    cy.center(current());
  });

  let removed = cy.collection();
  const sift = () => {
    removed.restore();
    removed = byId("filled").checked ? cy.nodes(".empty").remove() : cy.collection();
    arrange();
  };
  byId("filled").addEventListener("change", sift);
  document.querySelector(".tools").hidden = false;
  byId("filled").checked = data.tables.length > 60 && cy.nodes(":inside").length > cy.nodes(".empty").length;
  sift();

  // A link to a table opens it, in the graph if it is followed there.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#table-"]');
    if (!link) return;
    const node = cy.getElementById(link.getAttribute("href").slice("#table-".length));
    if (chosen.contains(link) && node.nonempty()) { event.preventDefault(); choose(node); return; }
    document.querySelector(link.getAttribute("href")).open = true;
  });

  // -- light, dark and print -----------------------------------------------------------------

  const again = () => cy.style(look());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  matchMedia("print").addEventListener("change", () => { again(); whole(); });
  addEventListener("resize", () => (matchMedia("print").matches ? whole() : cy.resize()));
  addEventListener("beforeprint", whole);
})();
