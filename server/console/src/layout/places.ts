import {
  Bell,
  Box,
  Checked,
  Collection,
  DataLine,
  Files,
  Finished,
  Odometer,
  Promotion,
  Tickets,
  User,
  Warning,
} from '@element-plus/icons-vue'
import type { Component } from 'vue'
import type { Right } from '@/session/session'

export interface Place {
  name: string
  path: string
  icon: Component
  /** A line above the entry starts a new group. */
  opensGroup?: boolean
  /** Shown to those who hold one of these rights. */
  rights: Right[]
}

/** The places of the console in the order of the work: list → registers → plan → draw → task → review → publication. */
export const places: Place[] = [
  { name: 'overview', path: '/', icon: Odometer, rights: ['read_office'] },
  { name: 'items', path: '/items', icon: Tickets, rights: ['read_office'], opensGroup: true },
  { name: 'registers', path: '/registers', icon: Collection, rights: ['read_office'] },
  { name: 'plans', path: '/plans', icon: DataLine, rights: ['read_office'] },
  { name: 'draws', path: '/draws', icon: Promotion, rights: ['read_office'] },
  { name: 'tasks', path: '/tasks', icon: Files, rights: ['read_office'] },
  { name: 'review', path: '/review', icon: Checked, rights: ['read_records'] },
  { name: 'publication', path: '/publication', icon: Bell, rights: ['read_records', 'publish'] },
  { name: 'quarantine', path: '/quarantine', icon: Warning, rights: ['release_quarantine'], opensGroup: true },
  { name: 'bundles', path: '/bundles', icon: Box, rights: ['carry_bundles'] },
  { name: 'accounts', path: '/accounts', icon: User, rights: ['read_accounts', 'enrol_tablets'] },
  { name: 'journal', path: '/journal', icon: Finished, rights: ['read_journal'] },
]
