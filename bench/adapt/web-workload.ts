/** The paper's web application (9.3.4, Figure 15): browsers, web and application server, image server, data base. */
import { startWebApplication, type WebMix } from '../../lab/index.js';
import type { RateSample, Workload } from './workload.js';

const REPORT_MS = 500;

export interface WebTiers {
  client: string;
  front: string;
  images: string;
  store: string;
}

export interface WebLoad {
  mix: WebMix;
  browsers: number;
  thinkMs: number;
  seed: number;
}

export function webWorkload(tiers: WebTiers, load: WebLoad): Workload {
  return {
    unit: 'WIPS',
    start: async (bed) => {
      await bed.places();
      const vm = (name: string) => bed.overlay.lab.vm(name);
      const samples: RateSample[] = [];
      const application = await startWebApplication(
        {
          ...{ clients: [vm(tiers.client)], fronts: [vm(tiers.front)], images: vm(tiers.images) },
          // As in the paper, the web server's VM runs the application server too.
          ...{ apps: [vm(tiers.front)], stores: [vm(tiers.store)] },
        },
        {
          ...{ ...load, reportMs: REPORT_MS },
          onReport: ({ unixMs, interactionsPerSecond: rate }) => samples.push({ unixMs, rate }),
        },
      );
      return {
        samples,
        stop: async () => {
          await application.stop();
        },
      };
    },
  };
}
