/** The known devices on `/account/sessions`, and the page that forgets one. */
import { z } from 'zod';
import { accountForm } from '#pages/account-form.ts';
import { actForm, ago, shownDevice, type Thing, things } from '#pages/account-parts.ts';
import { sessionsPath } from '#pages/own-path.ts';
import { section } from '#pages/page.ts';
import type { Html } from '#platform/html/index.ts';
import type { Endpoint, Principal } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { forgetDevice, listDevices } from './manage-devices.ts';
import type { ManageSessions } from './manage-sessions.ts';

type Known = Awaited<ReturnType<typeof listDevices>>[number];

const forgetPath = `${sessionsPath}/forget-device` as const;

export function deviceSection(words: PageWords, devices: readonly Known[], now: Date): Html | false {
  const { say } = words;
  if (devices.length === 0) return false;
  return section({
    title: say('page.devices.title'),
    lead: say('page.devices.lead'),
    body: things(devices.map((device) => thingOf(words, device, now))),
  });
}

function thingOf(words: PageWords, { id, current, device, lastUsedAt }: Known, now: Date): Thing {
  const { say } = words;
  const { icon, title } = shownDevice(words, device);
  return {
    icon,
    title,
    tags: current ? [[say('page.sessions.current')]] : [],
    lines: [say('page.devices.last_used', { ago: ago(words, new Date(lastUsedAt), now) })],
    actions: [actForm(forgetPath, { label: say('page.devices.forget'), about: title, fields: { id } })],
  };
}

export function forgetDevicePage(flow: ManageSessions & { readonly catalogues: Catalogues }): readonly Endpoint[] {
  return accountForm({
    section: sessionsPath,
    path: forgetPath,
    catalogues: flow.catalogues,
    show: { id: 'devices.show_forget', summary: 'Page that asks whether to forget a known device' },
    submit: {
      id: 'devices.submit_forget',
      summary: 'Its form, also in the list of devices: forgets the device',
      fields: {},
      rateLimit: 'pages',
    },
    about: { id: z.string().max(100) },
    content: async ({ words, principal, about }) => {
      const found = await find(flow, principal, about.id);
      if (found === undefined) return undefined;
      const { say } = words;
      const lead = say('page.forget_device.question', { device: shownDevice(words, found.device).title });
      return { title: say('page.forget_device.title'), lead, submit: say('page.devices.forget') };
    },
    act: async ({ id }, principal) => {
      if ((await find(flow, principal, id)) !== undefined) await forgetDevice(flow, principal, id);
      return { done: 'device_forgotten' };
    },
    leads: ['device_not_found'],
  });
}

async function find(flow: ManageSessions, principal: Principal, id: string): Promise<Known | undefined> {
  return (await listDevices(flow, principal)).find((device) => device.id === id.toLowerCase());
}
