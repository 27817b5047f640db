package conformance

// basicPlan is oidcc-basic-certification-test-plan.
func basicPlan() plan {
	return plan{name: "oidcc-basic-certification-test-plan", variants: []variant{{"code", ""}}, modules: coreModules()}
}
