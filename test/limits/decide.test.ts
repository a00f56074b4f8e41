import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, type Plan } from "../../src/limits/decide.ts";
import { MINUTE, Model } from "./model.ts";

const rules = (budgetKw: number) => ({ budgetKw, minimumKw: 1.4, turnMs: 15 * MINUTE });
const EPS = 1e-6;
/** Above what a vehicle draws; from 4.4 kW on 8 % of it. */
const HEADROOM_KW = 0.35;

/** Minutes of a day at a site: who comes to which port, when, how strong and how hungry. */
const visits = (ports: number, hours: number) =>
  fc.array(
    fc.record({
      port: fc.nat(ports - 1),
      at: fc.nat(hours * 60 - 1),
      stay: fc.integer({ min: 10, max: 300 }),
      kw: fc.constantFrom(1.9, 3.3, 3.7, 6.6, 7.2, 11),
      needKwh: fc.integer({ min: 1, max: 60 }),
    }),
    { maxLength: ports * 3 },
  );

const sites = fc.integer({ min: 1, max: 20 }).chain((ports) =>
  fc.record({
    ports: fc.constant(ports),
    nominalKw: fc.constantFrom(3.7, 7.2, 11, 22),
    budgetShare: fc.double({ min: 0.05, max: 1.2, noNaN: true }),
    visits: visits(ports, 6),
  }),
);

type Site = typeof sites extends fc.Arbitrary<infer T> ? T : never;

function run(site: Site, each: (model: Model) => void, onPlan?: (plan: Plan) => void): Model {
  const nominal = Array.from({ length: site.ports }, () => site.nominalKw);
  const model = new Model(nominal, rules(site.ports * site.nominalKw * site.budgetShare));
  model.react();
  for (let minute = 0; minute < 6 * 60; minute++) {
    for (const visit of site.visits) {
      if (visit.at === minute && !model.vehicles[visit.port])
        model.arrive(visit.port, visit.kw, visit.needKwh);
      if (visit.at + visit.stay === minute) model.leave(visit.port);
    }
    model.minute(onPlan);
    each(model);
  }
  return model;
}

describe("the decisions", () => {
  test("never let the outlets draw more than the budget together, whoever comes, whatever fails after that", () => {
    fc.assert(
      fc.property(sites, fc.array(fc.nat(19), { maxLength: 3 }), (site, broken) => {
        const budgetKw = site.ports * site.nominalKw * site.budgetShare;
        let minute = 0;
        const onMinute = (model: Model) => {
          // From the first hour on some cannot be written to, and some cannot be read.
          if (++minute === 60)
            for (const port of broken) (port % 2 ? model.broken : model.silent).add(port % site.ports);
          expect(model.mayDrawKw).toBeLessThanOrEqual(budgetKw + EPS);
          expect(model.loadsKw).toBeLessThanOrEqual(budgetKw + EPS);
        };
        // What is given is within the budget even if nothing of what is taken away comes true.
        const onPlan = ({ mayDrawKw, moves }: Plan) => {
          const given = moves.reduce((sum, { kw, fromKw }) => sum + Math.max(0, kw - fromKw), 0);
          expect(mayDrawKw + given).toBeLessThanOrEqual(budgetKw + EPS);
        };
        run(site, onMinute, onPlan);
      }),
      { numRuns: 60 },
    );
  });

  test("let nobody starve: who wants power gets some within the turns of the others", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 20 }),
        fc.double({ min: 1.5, max: 20, noNaN: true }),
        (ports, budgetKw) => {
          const model = new Model(
            Array.from({ length: ports }, () => 7.2),
            rules(budgetKw),
          );
          for (let port = 0; port < ports; port++) model.arrive(port, 7.2, 1000);
          for (let minute = 0; minute < 12 * 60; minute++) model.minute();
          const places = Math.max(1, Math.floor(budgetKw / 1.4));
          const turns = Math.ceil(ports / places);
          for (const vehicle of model.vehicles)
            expect(vehicle!.longestHungerMinutes).toBeLessThanOrEqual((turns + 1) * 16);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("use at least nine tenths of the budget where there is demand for it, but for what is kept ready for those who may draw more", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(1.9, 3.3, 6.6, 7.2), { minLength: 4, maxLength: 20 }),
        fc.double({ min: 0.3, max: 1, noNaN: true }),
        (kws, budgetShare) => {
          const model = new Model(
            kws.map(() => 7.2),
            rules(Math.max(10, kws.length * 7.2 * budgetShare)),
          );
          for (const [port, kw] of kws.entries()) model.arrive(port, kw, 10_000);
          for (let minute = 0; minute < 45; minute++) model.minute();
          const wanted = Math.min(model.demandKw, model.rules.budgetKw);
          // Who begins to draw more is seen by it: a third of a kW each, which counts where many draw little.
          const held = model.outlets.reduce((sum, { inForceKw, nominalKw }, port) => {
            const load = model.loadKw(port);
            const spare = (inForceKw ?? nominalKw) - load;
            return load < kws[port]! - EPS ? sum : sum + Math.min(spare, Math.max(HEADROOM_KW, 0.08 * load));
          }, 0);
          expect(model.loadsKw + held).toBeGreaterThanOrEqual(0.9 * wanted);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("share fairly: nobody who wants more has much less than another", () => {
    fc.assert(
      fc.property(sites, (site) => {
        const model = run({ ...site, visits: [] }, () => {});
        for (let port = 0; port < site.ports; port++) model.arrive(port, port % 2 ? 3.3 : 22, 10_000);
        for (let minute = 0; minute < 45; minute++) model.minute();
        const hungry = model.outlets.filter((_, port) => {
          const { kw } = model.vehicles[port]!;
          return model.loadKw(port) > 0 && model.loadKw(port) < Math.min(kw, site.nominalKw) - EPS;
        });
        const limits = hungry.map(({ inForceKw, nominalKw }) => inForceKw ?? nominalKw);
        if (limits.length > 1)
          expect(Math.max(...limits) - Math.min(...limits)).toBeLessThanOrEqual(
            Math.max(1.01, 0.5 * Math.min(...limits)),
          );
      }),
      { numRuns: 60 },
    );
  });

  test("write seldom: nothing while nothing happens, a bounded number for each arrival and departure", () => {
    fc.assert(
      fc.property(sites, (site) => {
        const share = Math.max(0.3, site.budgetShare);
        const model = run({ ...site, budgetShare: share }, () => {});
        const events = 2 * site.visits.length + 1;
        expect(model.writes).toBeLessThanOrEqual(events * (site.ports + 4));
        const steady = new Model(
          Array.from({ length: site.ports }, () => 7.2),
          rules(site.ports * 7.2 * share),
        );
        for (let port = 0; port < site.ports; port++) steady.arrive(port, 7.2, 1e6);
        for (let minute = 0; minute < 60; minute++) steady.minute();
        const settled = steady.writes;
        for (let minute = 0; minute < 300; minute++) steady.minute();
        expect(steady.writes).toBe(settled);
      }),
      { numRuns: 40 },
    );
  });

  test("same outlets, same time: same plan", () => {
    const model = new Model([7.2, 7.2, 7.2], rules(10));
    model.arrive(0, 7.2, 50);
    const plans = [0, 1].map(() => decide(model.outlets, model.rules, 0, true));
    expect(plans[0]).toEqual(plans[1]);
  });
});
