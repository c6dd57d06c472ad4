// Draws the charts of the page, sorts its tables and switches its colours. What is drawn stands in #charts as data.
(() => {
  'use strict';
  const root = document.documentElement;
  const charts = new Map(JSON.parse(document.getElementById('charts').textContent).map((chart) => [chart.id, chart]));
  const plots = [];

  // A number with three digits, as the tables of the page write them.
  const short = (value) => {
    if (value == null || !Number.isFinite(value)) return '–';
    const size = Math.abs(value);
    if (size === 0) return '0';
    if (size >= 1000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
    return String(Number(value.toPrecision(3)));
  };

  // The percentile above which one in `place` lies: 10 is the 90th, 1000 the 99.9th.
  const percentile = (place) => {
    const nines = Math.max(0, Math.ceil(Math.log10(place) - 1e-9));
    return `p${Number((100 * (1 - 1 / place)).toFixed(Math.max(1, nines)))}`;
  };

  // Colours are written with light-dark(), which only an element resolves.
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const faded = (text, share) => text.replace('rgb(', 'rgba(').replace(')', `, ${share})`);

  // Where a log axis has its ticks: at full powers of ten, and between them where there are only a few of those.
  const ticks = (min, max) => {
    const steps = Math.log10(max / min) < 1.5 ? [1, 1.5, 2, 3, 4, 5, 6, 8] : Math.log10(max / min) < 3 ? [1, 2, 5] : [1];
    const found = [];
    for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power += 1) {
      for (const step of steps) found.push(step * 10 ** power);
    }
    return found.filter((tick) => tick >= min * 0.999 && tick <= max * 1.001);
  };

  // Where the axis of percentiles has its ticks: few of them where there is little room.
  const nines = (width) => [2, ...(width < 480 ? [10] : [4, 10, 20]), 100, 1e3, 1e4, 1e5, 1e6, 1e7];

  const text = (axis) => (value) => (axis.scale === 'nines' ? percentile(value) : short(value));

  const scale = (axis, values, edges) => {
    if (axis.scale === 'linear') return { range: (plot, min, max) => linear(values, edges, min, max) };
    const all = values.concat(edges).filter((value) => value > 0);
    const [least, most] = all.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, 0]);
    const room = axis.scale === 'nines' ? 1 : 1.15;
    return { distr: 3, log: 10, range: () => [least / room, Math.max(most * room, least * 1.5)] };
  };

  // From zero on, up to a little above the highest value or mark.
  const linear = (values, edges, min, max) => {
    const most = Math.max(max ?? 0, ...edges, 0);
    const least = Math.min(min ?? 0, 0);
    return [least, least + (most - least || 1) * 1.06];
  };

  const axis = (axis, side, key) => ({
    scale: key,
    side,
    label: axis.label,
    labelSize: 20,
    labelFont: '12px system-ui, sans-serif',
    font: '12px system-ui, sans-serif',
    size: side === 2 ? 34 : 58,
    stroke: colour('muted'),
    grid: { show: side !== 1, stroke: colour('grid'), width: 1 },
    ticks: { stroke: colour('grid'), width: 1, size: 5 },
    values: (plot, places) => places.map((place) => (place == null ? '' : text(axis)(place))),
    ...(axis.scale === 'log' ? { splits: (plot, index, min, max) => ticks(min, max), filter: (plot, all) => all } : {}),
    ...(axis.scale === 'nines'
      ? { splits: (plot, index, min, max) => nines(plot.width).filter((at) => at >= min && at <= max), filter: (plot, all) => all }
      : {}),
  });

  const series = (line) => ({
    label: line.label,
    scale: line.side === 'right' ? 'right' : 'y',
    stroke: colour(line.hue),
    width: line.look === 'points' ? 0 : 1.75,
    dash: line.look === 'dashed' ? [6, 4] : undefined,
    paths: line.look === 'points' ? () => null : undefined,
    points: line.look === 'points'
      ? { show: true, size: 8, fill: faded(colour(line.hue), 0.55), stroke: colour(line.hue) }
      : { size: 5, show: line.values.filter((value) => value != null).length < 20 },
    spanGaps: line.look !== 'points',
    value: (plot, value) => short(value),
  });

  // Shades of a map: how many requests lie in each of its cells.
  const drawHeat = (plot, heat) => {
    const { ctx } = plot;
    const most = Math.max(...heat.counts.flat());
    const fill = colour('heat');
    ctx.save();
    ctx.beginPath();
    ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
    ctx.clip();
    const ys = heat.ys.map((y) => plot.valToPos(y, 'y', true));
    heat.counts.forEach((column, place) => {
      const left = plot.valToPos(heat.xs[place], 'x', true);
      const right = plot.valToPos(heat.xs[place + 1], 'x', true);
      column.forEach((count, row) => {
        if (!count) return;
        ctx.fillStyle = faded(fill, (0.1 + 0.6 * Math.sqrt(count / most)).toFixed(3));
        ctx.fillRect(left, ys[row + 1], right - left, ys[row] - ys[row + 1]);
      });
    });
    ctx.restore();
  };

  // Lines above a map have an edge in the colour of the background, so that they can be seen on every shade.
  const drawEdges = (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.strokeStyle = colour('card');
    ctx.lineWidth = 4.5 * uPlot.pxRatio;
    ctx.lineJoin = 'round';
    plot.series.forEach(({ show }, index) => {
      if (index === 0 || !show) return;
      ctx.beginPath();
      plot.data[index].forEach((value, at) => {
        if (value != null) ctx.lineTo(plot.valToPos(plot.data[0][at], 'x', true), plot.valToPos(value, 'y', true));
      });
      ctx.stroke();
    });
    ctx.restore();
  };

  const tones = { good: 'green', bad: 'red', doubt: 'orange', plain: 'grey' };

  // Lines and stretches with their names. Names that would lie over each other go into rows.
  const drawMarks = (plot, marks) => {
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textBaseline = 'top';
    ctx.textAlign = 'left';
    ctx.lineWidth = 1.5 * ratio;
    const rows = [];
    for (const mark of marks) {
      const stroke = colour(tones[mark.tone]);
      ctx.strokeStyle = stroke;
      ctx.setLineDash([5 * ratio, 4 * ratio]);
      const at = plot.valToPos(mark.at, mark.upright ? 'x' : 'y', true);
      const width = ctx.measureText(mark.label).width;
      if (mark.upright) {
        const to = mark.to == null ? null : Math.min(plot.valToPos(mark.to, 'x', true), bbox.left + bbox.width);
        const from = Math.max(at, bbox.left);
        if (from > bbox.left + bbox.width + 1 || (to != null && to < bbox.left)) continue;
        if (to == null) {
          line(ctx, from, bbox.top, from, bbox.top + bbox.height);
        } else {
          ctx.fillStyle = faded(stroke, 0.12);
          ctx.fillRect(from, bbox.top, to - from, bbox.height);
        }
        const left = Math.max(bbox.left, Math.min(from + 4 * ratio, bbox.left + bbox.width - width - 2 * ratio));
        if (to != null && to - from < width) continue;
        let row = rows.findIndex((end) => end < left);
        if (row < 0) row = rows.push(0) - 1;
        rows[row] = left + width + 8 * ratio;
        ctx.fillStyle = to == null ? stroke : colour('text');
        ctx.fillText(mark.label, left, bbox.top + (3 + 14 * row) * ratio);
      } else if (at >= bbox.top - 1 && at <= bbox.top + bbox.height + 1) {
        line(ctx, bbox.left, at, bbox.left + bbox.width, at);
        ctx.fillStyle = stroke;
        const above = at - 14 * ratio > bbox.top ? at - 14 * ratio : at + 3 * ratio;
        ctx.fillText(mark.label, bbox.left + bbox.width - width - 4 * ratio, above);
      }
    }
    ctx.restore();
  };

  const line = (ctx, x1, y1, x2, y2) => {
    ctx.beginPath();
    ctx.moveTo(x1, y1);
    ctx.lineTo(x2, y2);
    ctx.stroke();
  };

  // What lies under the cursor in a map, in words.
  const heatAt = (plot, heat) => {
    const { left, top } = plot.cursor;
    if (left < 0 || top < 0) return '';
    const place = heat.xs.findLastIndex((x) => x <= plot.posToVal(left, 'x'));
    const row = heat.ys.findLastIndex((y) => y <= plot.posToVal(top, 'y'));
    const count = heat.counts[place]?.[row];
    if (count == null) return '';
    const span = (edges, at) => `${short(edges[at])} to ${short(edges[at + 1])}`;
    return `${span(heat.xs, place)}, ${span(heat.ys, row)} ms: ${count} requests`;
  };

  const height = (width) => Math.round(Math.max(220, Math.min(340, width * 0.5)));

  const build = (figure, chart) => {
    const target = figure.querySelector('.plot');
    const said = figure.querySelector('output');
    target.replaceChildren();
    const left = chart.lines.filter((line) => line.side === 'left').flatMap((line) => line.values).filter((value) => value != null);
    const right = chart.lines.filter((line) => line.side === 'right').flatMap((line) => line.values).filter((value) => value != null);
    const levels = chart.marks.filter((mark) => !mark.upright).map((mark) => mark.at);
    const places = chart.marks.filter((mark) => mark.upright && mark.to == null).map((mark) => mark.at);
    const scales = {
      x: { time: false, ...(chart.group === 'time' ? {} : scale(chart.x, chart.xs, places)) },
      y: scale(chart.y, left, levels.concat(chart.heat ? [chart.heat.ys[0], chart.heat.ys.at(-1)] : [])),
    };
    const axes = [axis(chart.x, 2, 'x'), axis(chart.y, 3, 'y')];
    if (chart.right) {
      scales.right = scale(chart.right, right, []);
      axes.push(axis(chart.right, 1, 'right'));
    }
    const width = target.clientWidth;
    const plot = new uPlot({
      width,
      height: height(width),
      scales,
      axes,
      padding: [10, chart.right ? 0 : 14, 0, 0],
      series: [{ label: chart.x.label, value: (plot, value) => (value == null ? '–' : text(chart.x)(value)) }].concat(chart.lines.map(series)),
      cursor: {
        y: false,
        points: { size: 7 },
        drag: { x: true, y: false },
        ...(chart.group ? { sync: { key: chart.group, setSeries: false } } : {}),
      },
      hooks: {
        drawAxes: [(plot) => { if (chart.heat) { drawHeat(plot, chart.heat); drawEdges(plot); } }],
        draw: [(plot) => drawMarks(plot, chart.marks)],
        setCursor: [(plot) => { if (chart.heat && plot.cursor.event) said.textContent = heatAt(plot, chart.heat); }],
      },
    }, [chart.xs].concat(chart.lines.map((line) => line.values)), target);
    const canvas = target.querySelector('canvas');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `${chart.title}. ${chart.says}`);
    keys(target, plot, chart, said);
    return { plot, figure, chart };
  };

  // The arrow keys go from place to place, and say what is there.
  const keys = (target, plot, chart, said) => {
    target.tabIndex = 0;
    target.setAttribute('role', 'group');
    target.setAttribute('aria-label', `${chart.title}: arrow keys read its values`);
    let at = -1;
    target.onkeydown = (event) => {
      const last = chart.xs.length - 1;
      const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last };
      if (!(event.key in steps)) return;
      event.preventDefault();
      at = Math.max(0, Math.min(last, steps[event.key]));
      plot.setCursor({ left: plot.valToPos(chart.xs[at], 'x'), top: 10 });
      const values = chart.lines.filter((line) => line.values[at] != null).map((line) => `${line.label} ${short(line.values[at])}`);
      said.textContent = `${text(chart.x)(chart.xs[at])} (${chart.x.label}): ${values.join(', ') || 'nothing'}`;
    };
  };

  const drawAll = () => {
    for (const { plot } of plots.splice(0)) plot.destroy();
    for (const figure of document.querySelectorAll('[data-chart]')) {
      const chart = charts.get(figure.dataset.chart);
      if (chart) plots.push(build(figure, chart));
    }
  };

  const fit = () => {
    for (const { plot, figure } of plots) {
      const width = figure.querySelector('.plot').clientWidth;
      if (width && width !== plot.width) plot.setSize({ width, height: height(width) });
    }
  };

  // The numbers of a chart, made when somebody asks for them.
  const tabulate = (details, chart) => {
    const table = document.createElement('table');
    const row = (cells, kind) => {
      const line = document.createElement('tr');
      for (const text of cells) {
        const cell = document.createElement(kind);
        cell.textContent = text;
        cell.className = 'number';
        if (kind === 'th') cell.scope = 'col';
        line.append(cell);
      }
      return line;
    };
    const head = table.createTHead();
    head.append(row([chart.x.label, ...chart.lines.map((line) => line.label)], 'th'));
    const body = table.createTBody();
    chart.xs.forEach((x, at) => body.append(row([text(chart.x)(x), ...chart.lines.map((line) => short(line.values[at]))], 'td')));
    details.querySelector('.table').replaceChildren(table);
  };

  const sortable = (table) => {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 2) return;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener('click', () => {
        const down = head.getAttribute('aria-sort') === 'ascending';
        for (const other of head.parentElement.cells) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        const key = (row) => {
          const cell = row.cells[column];
          return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
        };
        const compare = (a, b) => {
          const [x, y] = [key(a), key(b)];
          if (typeof x === typeof y) return typeof x === 'number' ? x - y : x.localeCompare(y, 'en', { numeric: true });
          return typeof x === 'number' ? -1 : 1;
        };
        const rows = [...body.rows].sort(compare);
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  };

  // Whether the page is dark now: by its switch, else by the system.
  const system = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : system.matches);
  const button = document.getElementById('theme');
  const label = () => { button.textContent = isDark() ? 'Light' : 'Dark'; };
  button.hidden = false;
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    label();
    drawAll();
  });
  system.addEventListener('change', () => { label(); drawAll(); });

  // On paper all is light, and as wide as the paper.
  let before = null;
  addEventListener('beforeprint', () => {
    before = root.dataset.theme ?? '';
    root.dataset.theme = 'light';
    drawAll();
    for (const { plot } of plots) plot.setSize({ width: 660, height: 300 });
  });
  addEventListener('afterprint', () => {
    if (before) root.dataset.theme = before; else delete root.dataset.theme;
    drawAll();
  });

  label();
  drawAll();
  new ResizeObserver(fit).observe(document.getElementById('main'));
  document.querySelectorAll('main .table > table').forEach(sortable);
  for (const figure of document.querySelectorAll('[data-chart]')) {
    const details = figure.querySelector('details');
    details.addEventListener('toggle', () => { if (details.open) tabulate(details, charts.get(figure.dataset.chart)); }, { once: true });
  }
})();
