"""Simulated vendor exports, all printed from one trade tape: the demo, and the generator for tests."""
