"""Makes the plan: registrations and catalog in, every decision about an export out."""
